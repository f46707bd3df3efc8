// Stands in for control over TLS and judges what our client signs by http-message-signatures.
//   node signed-server.mjs CERTIFICATE KEY KEY-ID PUBLIC-KEY(base64url) PORT
// Prints {"method","path","verified","digest","changed"} for each request: whether it verifies,
// whether its Content-Digest is the body's, and how many of its changed copies do not verify.
import { createHash, createPublicKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import { createVerifier, httpbis } from 'http-message-signatures'

const [certificate, key, id, x, port] = process.argv.slice(2)
const publicKey = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
const verifier = { id, algs: ['ed25519'], verify: createVerifier(publicKey, 'ed25519') }

async function verifies(message) {
  const required = ['@method', '@authority', '@path', '@query']
  for (const name of ['content-digest', 'idempotency-key']) if (name in message.headers) required.push(name)
  try {
    return (await httpbis.verifyMessage(
      {
        keyLookup: async (params) => (params.keyid === id ? verifier : null),
        requiredFields: required,
        requiredParams: ['created', 'expires', 'nonce', 'keyid', 'alg'],
        tolerance: 5,
        maxAge: 60,
      },
      message,
    )) === true
  } catch {
    return false
  }
}

// Each changes what is signed, or the signature.
const changes = [
  (m) => (m.method = m.method === 'GET' ? 'POST' : 'GET'),
  (m) => (m.url = m.url.replace('/v1/', '/v2/')),
  (m) => (m.url += m.url.includes('?') ? '&a=b' : '?a=b'),
  (m) => (m.url = m.url.replace('127.0.0.1', '127.0.0.2')),
  (m) => (m.headers.signature = m.headers.signature.replace(/:(.)/, (_, c) => (c === 'A' ? ':B' : ':A'))),
  (m) => (m.headers['signature-input'] = m.headers['signature-input'].replace('nonce="', 'nonce="A')),
  (m) => (m.headers['content-digest'] = 'sha-256=:AAAA:'),
  (m) => (m.headers['idempotency-key'] = '"another"'),
]

async function judge(request, body) {
  const { method, url, headers } = request
  const message = { method, url: `https://${headers.host}${url}`, headers }
  let changed = 0
  for (const change of changes) {
    const copy = { ...message, headers: { ...headers } }
    change(copy)
    if (!(await verifies(copy))) ++changed
  }
  const digest = `sha-256=:${createHash('sha256').update(body).digest('base64')}:`
  return {
    method,
    path: url,
    verified: await verifies(message),
    digest: 'content-digest' in headers ? headers['content-digest'] === digest : body === '',
    changed: changed === changes.length,
  }
}

createServer({ cert: readFileSync(certificate), key: readFileSync(key) }, (request, response) => {
  let body = ''
  request.on('data', (chunk) => (body += chunk))
  request.on('end', async () => {
    const asked = request.url.split('?')[0]
    if ('signature' in request.headers) console.log(JSON.stringify(await judge(request, body)))
    const answers = {
      '/v1/time': { time: new Date().toISOString() },
      '/v1/reservations': { reservations: [] },
      '/v1/availability': { slots: [] },
    }
    const found = request.method === 'GET' ? answers[asked] : undefined
    const problem = { type: 'urn:slotcast:problem:refused', title: 'No', status: 409, code: 'refused' }
    response.writeHead(found ? 200 : 409, {
      'Content-Type': found ? 'application/json' : 'application/problem+json',
    })
    response.end(JSON.stringify(found ?? problem))
  })
}).listen(Number(port), '127.0.0.1', () => console.error('ready'))
