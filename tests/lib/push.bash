# Loaded after common, by tests of push-stream alone: a fake sender stands in for carrier-connect's.
#
#   push [fake-sender's options] -- ARGUMENTS of push-stream     as `run --separate-stderr`, ended
#                                                                after PUSH_LIMIT (20) seconds

push() {
    local options=()
    while [ "$1" != -- ]; do
        options+=("$1")
        shift
    done
    shift
    run --separate-stderr timeout "${PUSH_LIMIT:-20}" fake-sender "${options[@]}" -- push-stream "$@"
}
