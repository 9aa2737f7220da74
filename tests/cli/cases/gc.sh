# One cycle: dry run, purge, sweep, what is kept, and by whom.
a_store
cp -r src all
bytes 500 src/cat
rm src/dog
cull put team/vision/pets src >/dev/null
run cull gc --dry-run
run cull delete team/vision/pets:v1
run cull gc --dry-run
json ok gc --dry-run
run cull delete team/vision/pets:v0
json ok gc --dry-run
json ok gc
run cull gc
run cull ls team/vision/pets --all
run cull fsck --read-data
run cull get team/vision/pets:v2 out
run diff -r src out
run find store/objects -type f | wc -l
# what is deleted within its grace stays
cull --store kept init --grace 7d >/dev/null
cull --store kept put e/p/c all >/dev/null
cull --store kept put e/p/c src >/dev/null
cull --store kept delete e/p/c:v0 >/dev/null
run cull --store kept gc
run cull --store kept gc --dry-run --allow-shorter-grace 0
run cull --store kept gc --allow-shorter-grace 1h
run cull --store kept gc --allow-shorter-grace 0 --verify full
run cull --store kept fsck
