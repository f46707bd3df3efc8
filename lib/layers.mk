# The modules of lib/ and what each may include: itself and what stands to the right of its name,
# with everything below that. The Makefile builds and links from these lines; `make lint` refuses
# an include that is not covered by them.

deps.base    :=
deps.conf    := base
deps.confine := base
deps.seal    := base
deps.resv    := base
deps.wire    := resv seal
deps.net     := conf base
deps.media   := conf base
deps.route   := conf base
deps.ledger  := resv seal wire
deps.vault   := resv seal wire conf
deps.cli     := wire seal base
deps.ical    := resv base
deps.client  := net wire vault cli
deps.control := ledger ical net wire
deps.line    := route wire
deps.modem   := line
deps.carrier := line client vault net wire
deps.push    := media wire
deps.relay   := client net media wire confine

# pkg-config names, and libraries that have none.
pkgs.base    := fmt
pkgs.confine := libseccomp
pkgs.seal    := libsodium
pkgs.wire    :=
libs.wire    := -lboost_json
pkgs.ical    := libical
libs.ical    := -ldate-tz
pkgs.cli     :=
libs.cli     := -ldate-tz
pkgs.net     := libcurl openssl
libs.net     := -lboost_url -lpthread
pkgs.media   := gstreamer-1.0 gstreamer-app-1.0 srt
pkgs.relay   := zlib
pkgs.route   := libnl-route-3.0 libnftables
pkgs.ledger  := sqlite3 libpq
libs.modem   := -lsdbus-c++ # its pkg-config wants libsystemd-dev, which it does not need

# Modules that wait more than they compute: see TOOL_OPTIMISE.
unhurried := conf confine cli ical vault client line modem carrier route

# Files compiled by themselves: with names that others of their module have too, or flags of their own.
alone.carrier := dhcp ppp wireguard wwan state watch
alone.control := calendar config_rules config_sites logins openapi pages
alone.media   := gst_still ts_restamp
alone.net     := certificate mail
alone.push    := pump reader_messages sender_link sender_paths source_net
alone.relay   := hub_spool ingest_server ingest_session keys live_cursor player playlist poster_desk process \
                 pull_server receipt_files segmenter spool spool_index
alone.resv    := rrule_days
alone.route   := messages
alone.wire    := ingest pull key_change sealed_settings

# Files compiled together without the others of their module, for programs that do without those and the libraries they
# need: terminals have no server's TLS, who sends and who takes in no GStreamer. Loading it takes longer than what the
# program does.
apart.media := rtp_ts srt_listener srt_native srt_socket ts_access ts_psi ts_scanner
apart.net   := curl http_client http_message networks
apart.push  := path_choice sender sender_paths_status sender_preflight sender_rules sender_status

# Programs: the modules each is linked with.
modules.resv-control    := control cli
modules.resv-request    := client cli
modules.resv-store      := vault cli
modules.carrier-connect := carrier cli
modules.carrier-modem   := modem cli
modules.carrier-lease   := line cli
modules.push-stream     := push cli
modules.push-sender     := push cli
modules.relay-serve     := relay cli
modules.relay-ingest    := relay cli
modules.relay-srt-out   := relay cli
modules.relay-poster    := media confine cli

# Programs of tests/tools.
test_modules.make-settings := wire cli
test_modules.read-document := wire cli
test_modules.play-carrier  := wire
test_modules.play-relay    := wire
test_modules.make-relay    := relay
test_modules.fake-sender   := wire cli
test_modules.record-sender := base cli wire
test_modules.stress-control := control cli
test_modules.audit-ledger   := control cli
test_modules.crash-client   := client control cli
test_modules.load-control   := control cli
test_modules.load-viewers   := net cli
test_modules.send-limit     := conf cli
test_modules.send-stamps    := media cli
