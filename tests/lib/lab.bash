# Loaded by tests that need hosts and networks: `load ../lib/lab`. The lab itself is examples/lab.sh;
# every test file of every run has
# namespaces of its own name, so that files can run side by side. Make it in setup_file or setup with
# lab_up, remove it in teardown_file or teardown with lab_down.

LAB=sc$(cksum <<<"$BATS_RUN_TMPDIR$BATS_TEST_FILENAME" | cut -d ' ' -f 1)
export LAB
# shellcheck source=examples/lab.sh
. "$SLOTCAST_ROOT/examples/lab.sh"
