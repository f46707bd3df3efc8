# What a control on loopback and its terminal need; write into the folder that they are called in.

# self_signed: tls.key and tls.crt for 127.0.0.1.
self_signed() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=test \
        -addext subjectAltName=IP:127.0.0.1 -keyout tls.key -out tls.crt 2>/dev/null
}

# control_files PORT: control.toml, with two lines and two channels, and a terminal.toml whose vault
# is ./vault and whose preset carrier is lineA.
control_files() {
    self_signed
    cat >control.toml <<-END
	listen = "127.0.0.1:$1"
	tls_certificate = "$PWD/tls.crt"
	tls_key = "$PWD/tls.key"
	data = "$PWD/control"
	[relays.r1]
	public_url = "http://198.51.100.20:8080"
	streams = 4
	ingest = "100M"
	egress = "1G"
	[relays.r1.ingest_addresses]
	lineA = "203.0.113.10:9000"
	lineB = "203.0.113.11:9000"
	[carriers.lineA]
	type = "link"
	lines = 2
	capacity = "20M"
	[carriers.lineB]
	type = "link"
	lines = 2
	capacity = "10M"
	[channels.one]
	relay = "r1"
	viewers = 20
	max_rate = "10M"
	[channels.two]
	relay = "r1"
	viewers = 20
	max_rate = "10M"
	END
    cat >terminal.toml <<-END
	control = "https://127.0.0.1:$1"
	cacert = "$PWD/tls.crt"
	vault = "$PWD/vault"
	preset = "lineA"
	[carriers.lineA]
	interface = "carA"
	END
}
