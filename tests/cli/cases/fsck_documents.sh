# What a version keeps beside its facts (manifest, description and metadata) is looked at: nothing
# that is lost reads as if there never was any.
a_store
run cull fsck
cp -r store good
sql store/cull.db 'DELETE FROM document WHERE id < 0'
run cull fsck
run cull ls team/vision
rm -r store && cp -r good store
sql store/cull.db 'DELETE FROM document WHERE id > 0'
run cull fsck
run cull get team/vision/pets:v0 out
