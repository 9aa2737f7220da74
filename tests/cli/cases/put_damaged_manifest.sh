# A version's manifest that is damaged keeps nobody from putting, loses no file, and is healed by putting
# the same files again.
a_store
cp -r src old
sql store/cull.db 'UPDATE document SET data = zeroblob(length(data)) WHERE id = (SELECT max(id) FROM document)'
run cull get team/vision/pets:v1 out
bytes 500 src/cow
run cull put team/vision/pets src
run cull get team/vision/pets:v2 out
run diff -r src out
run cull fsck --repair
rm -r out
run cull delete team/vision/pets:v2 --delete-aliases
run cull gc
json ok put team/vision/pets old
run cull get team/vision/pets:v1 out
run diff -r old out
run cull fsck --read-data
sql store/cull.db 'DELETE FROM document WHERE id > 0'
run cull put team/vision/pets old
run cull fsck
