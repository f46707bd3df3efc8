// A client of control's API that shares no code with ours: http-message-signatures signs, node's TLS
// sends.   node signed-client.mjs URL CACERT TOKEN-FILE CHANNEL CARRIER
// Prints a line "CASE STATUS CODE" for each request; the test knows what each must be.
import { execFileSync } from 'node:child_process'
import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Agent, request } from 'node:https'
import { checkServerIdentity } from 'node:tls'
import { httpbis } from 'http-message-signatures'

const [base, cacert, tokenFile, channel, carrier] = process.argv.slice(2)
const agent = new Agent({
  ca: readFileSync(cacert),
  keepAlive: true,
  checkServerIdentity: (_, found) => checkServerIdentity(new URL(base).hostname, found), // not the Host field
})

// node has no BLAKE2b of 32 bytes.
const blake = 'import hashlib, sys; print(hashlib.blake2b(bytes.fromhex(sys.argv[1]), digest_size=32).hexdigest()[:16])'

class Key {
  constructor() {
    const pair = generateKeyPairSync('ed25519')
    this.private = pair.privateKey
    this.x = pair.publicKey.export({ format: 'jwk' }).x
    const hex = Buffer.from(this.x, 'base64url').toString('hex')
    this.id = execFileSync('python3', ['-c', blake, hex], { encoding: 'utf8' }).trim()
  }
  signing(id = this.id) {
    return { id, alg: 'ed25519', sign: async (data) => sign(null, data, this.private) }
  }
}

const digest = (body, algorithm = 'sha256', name = 'sha-256') =>
  `${name}=:${createHash(algorithm).update(body).digest('base64')}:`

// A request as the API wants it, not signed yet.
function plain(method, target, body) {
  const message = { method, url: base + target, headers: { Host: new URL(base).host } }
  if (method !== 'GET') {
    message.body = JSON.stringify(body)
    message.headers['Content-Type'] = 'application/json'
    message.headers['Content-Digest'] = digest(message.body)
    message.headers['Idempotency-Key'] = `"${randomBytes(12).toString('base64url')}"`
  }
  return message
}

const paramNames = ['created', 'expires', 'nonce', 'keyid', 'alg']

async function signed(message, key, options = {}) {
  const fields = ['@method', '@authority', '@path', '@query']
  if (message.headers['Content-Digest']) fields.push('content-digest')
  if (message.headers['Idempotency-Key']) fields.push('idempotency-key')
  const created = new Date(Date.now() + (options.shift ?? 0) * 1000)
  return httpbis.signMessage(
    {
      key: key.signing(options.keyid),
      name: options.label ?? 'sig1',
      fields: options.fields?.(fields) ?? fields,
      params: options.params ?? paramNames,
      paramValues: {
        created,
        expires: new Date(created.getTime() + (options.life ?? 60) * 1000),
        nonce: randomBytes(16).toString('base64url'),
        ...options.values,
      },
    },
    message,
  )
}

function send(message) {
  return new Promise((resolve, reject) => {
    const { pathname, search, hostname, port } = new URL(message.url)
    const headers = { ...message.headers, 'Content-Length': Buffer.byteLength(message.body ?? '') }
    const sent = request(
      { agent, hostname, port, path: pathname + search, method: message.method, headers },
      (answer) => {
        let text = ''
        answer.on('data', (chunk) => (text += chunk))
        answer.on('end', () => resolve({ status: answer.statusCode, text, body: JSON.parse(text) }))
      },
    )
    sent.on('error', reject)
    sent.end(message.body)
  })
}

async function show(name, message) {
  const answer = await send(message)
  console.log(name, answer.status, answer.body.code ?? '-')
  return answer
}

const key = new Key()
const box = generateKeyPairSync('x25519').publicKey.export({ format: 'jwk' }).x
const token = readFileSync(tokenFile, 'utf8').trim()

await show('enrol', await signed(plain('POST', '/v1/keys/enrol', { token, sign_key: key.x, box_key: box }), key))

// What must be accepted.
const from = new Date(Math.ceil(Date.now() / 60000) * 60000 + 3600_000)
const at = (minutes) => new Date(from.getTime() + minutes * 60000).toISOString().replace('.000', '')
const menu = `/v1/availability?from=${at(0)}&to=${at(120)}&duration_s=1800&rate_bps=4000000&carrier=${carrier}`
const wish = {
  start: at(0), end: at(30), rate_bps: 4000000, title: 'Signed elsewhere', channel,
  carriers: [carrier], disclosure: 'public', notify: [], hold: false,
}
await show('get', await signed(plain('GET', '/v1/channels'), key))
await show('query', await signed(plain('GET', menu), key))
const booking = plain('POST', '/v1/reservations', wish)
const first = await show('book', await signed(booking, key))
const again = await show('repeat', await signed(booking, key))
console.log('same-answer', first.text === again.text, '-')
await show('other-order', await signed(plain('GET', menu), key, {
  label: 'my-signature.2', fields: (f) => [...f].reverse(), params: [...paramNames].reverse(),
}))
const two = plain('POST', '/v1/reservations', { ...wish, start: at(60), end: at(90) })
two.headers['Content-Digest'] = `${digest(two.body, 'sha512', 'sha-512')}, ${digest(two.body)}`
await show('two-digests', await signed(two, key))

// What must not: first what is changed after it was signed, then what is signed wrongly.
async function tampered(name, make, change) {
  const message = await signed(make(), key)
  change(message)
  await show(name, message)
}
const get = () => plain('GET', menu)
const post = () => plain('POST', '/v1/reservations', { ...wish, start: at(100), end: at(130) })
const once = await signed(get(), key)
await send(once)
await show('replay', once)
await tampered('path', get, (m) => (m.url = m.url.replace('availability', 'channels')))
await tampered('query', get, (m) => (m.url = m.url.replace('4000000', '4000001')))
await tampered('no-query', get, (m) => (m.url = `${base}/v1/channels`))
await tampered('method', post, (m) => (m.method = 'GET'))
await tampered('host', get, (m) => (m.headers.Host = `localhost:${new URL(base).port}`))
await tampered('body', post, (m) => (m.body = m.body.replace('4000000', '9000000')))
await tampered('body-and-digest', post, (m) => {
  m.body = m.body.replace('4000000', '9000000')
  m.headers['Content-Digest'] = digest(m.body)
})
await tampered('no-digest', post, (m) => delete m.headers['Content-Digest'])
await tampered('added-digest', get, (m) => (m.headers['Content-Digest'] = digest('')))
await tampered('idempotency-key', post, (m) => (m.headers['Idempotency-Key'] = '"another"'))
await tampered('no-idempotency-key', post, (m) => delete m.headers['Idempotency-Key'])
await tampered('nonce', get, (m) => {
  m.headers['Signature-Input'] = m.headers['Signature-Input'].replace('nonce="', 'nonce="A')
})
await tampered('signature', get, (m) => {
  m.headers.Signature = m.headers.Signature.replace(/:(.)/, (_, c) => (c === 'A' ? ':B' : ':A'))
})
await tampered('unsigned', get, (m) => delete m.headers.Signature)
await tampered('header-twice', get, (m) => {
  m.headers['Signature-Input'] = [m.headers['Signature-Input'], m.headers['Signature-Input']]
})

const wrong = async (name, make, options, by = key) => show(name, await signed(make(), by, options))
await wrong('expired', get, { shift: -61 })
await wrong('future', get, { shift: 45 })
await wrong('too-long', get, { life: 61 })
await wrong('no-time', get, { life: 0 })
await wrong('uncovered-digest', post, { fields: (f) => f.filter((n) => n !== 'content-digest') })
await wrong('uncovered-key', post, { fields: (f) => f.filter((n) => n !== 'idempotency-key') })
await wrong('uncovered-query', get, { fields: (f) => f.filter((n) => n !== '@query') })
await wrong('more-covered', get, { fields: (f) => [...f, 'host'] })
await wrong('no-nonce', get, { params: paramNames.filter((n) => n !== 'nonce') })
await wrong('no-expires', get, { params: paramNames.filter((n) => n !== 'expires') })
await wrong('tag', get, { params: [...paramNames, 'tag'], values: { tag: 'x' } })
await wrong('algorithm', get, { values: { alg: 'hmac-sha256' } })
await wrong('stranger', get, {}, new Key())
await wrong('borrowed-id', get, { keyid: key.id }, new Key())
const both = await signed(await signed(get(), key), key, { label: 'sig2' })
await show('two-signatures', both)
agent.destroy()
