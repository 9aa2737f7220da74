# Importing lists of digests: tabs, md5sum, sha1sum, sha256sum, --tag; sizes known and unknown.
cull init --objects none --digest md5 >/dev/null
bytes 1000 src/a
bytes 2000 src/sub/b
bytes 30 "src/two words"
bytes 4 "src/back\\slash
and line"
(cd src && find . -type f -exec md5sum {} +) >sums
(cd src && find . -type f -exec md5sum -b {} +) >sums.binary
(cd src && find . -type f -exec md5sum --tag {} +) >sums.bsd
run cull import list e/p/text sums --type model --alias best --tag t --run r1
run cull import list e/p/binary sums.binary
run cull import list e/p/bsd sums.bsd
run cull import list e/p/bsd sums
# ended by NUL, nothing escaped; and with a byte order mark
(cd src && find . -type f -exec md5sum -z {} +) >sums.nul
(cd src && find . -type f -exec md5sum -z --tag {} +) >sums.nul-bsd
{ printf '\357\273\277' && cat sums.bsd; } >sums.mark
run cull import list e/p/bsd sums.nul
run cull import list e/p/bsd sums.nul-bsd
run cull import list e/p/bsd sums.mark
run cull show e/p/bsd --files
run cull ls e/p
run cull du
run cull why e/p/text:v0/a
json ok show e/p/bsd --files
cut -c 1-32 sums | sort >digests
cull export e/p/text one.json
cull export e/p/bsd - | cmp - one.json
# with sizes
printf 'a\t%s\t1000\nsub/b\t%s\t2000\n' "$(md5sum <src/a | cut -c 1-32)" \
    "$(md5sum <src/sub/b | cut -c 1-32)" >tabs
run cull --store sized init --objects none --digest md5
run cull --store sized import list e/p/c tabs
run cull --store sized import list e/p/c tabs
run cull --store sized ls e/p/c
run cull --store sized du
: >empty
run cull --store sized import list e/p/none empty
# from standard input, into stores of other digests
(cd src && sha256sum a sub/b) >sums.sha256
(cd src && sha1sum a sub/b) >sums.sha1
run cull --store other init --objects none
cull --store other import list e/p/c - <sums.sha256
json ok --store other import list e/p/c sums.sha256
run cull --store sha1 init --objects none --digest sha1
run cull --store sha1 import list e/p/c sums.sha1
