#!/bin/sh
# crash_log.sh - the power is cut, and calls fail, under a store's log: see tests/fault/README.md.
#
# usage: crash_log.sh CULL [ARGUMENT]...
set -u
cull=${1:?usage: crash_log.sh CULL [ARGUMENT]...}
shift
exec "$(dirname "$cull")/crash-log" "$@"
