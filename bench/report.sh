#!/bin/sh
# report.sh - runs the benches, makes the report, and checks that it is complete.
#
# usage: report.sh BUILD full|small DIR COMMIT
#
# DIR is emptied first. It holds samples.tsv, report.md, report.json, table.md, dry_run.txt and open.txt in the end; the
# stores that were measured are gone. Exits with a failure if a row was not measured, not if a budget is not
# met.
set -eu
usage='usage: report.sh BUILD full|small DIR COMMIT'
build=${1:?$usage}
size=${2:?$usage}
dir=${3:?$usage}
commit=${4:?$usage}

rm -rf "$dir"
mkdir -p "$dir"
trap 'rm -rf "$dir/work"' EXIT
trap 'exit 130' INT TERM
sh "$(dirname "$0")/run.sh" "$build" "$size" "$dir/work" "$dir/samples.tsv"
"$build/bench-report" --write "$dir/samples.tsv" "$dir" "$commit" "$size"
"$build/bench-report" --check "$dir/report.json"
