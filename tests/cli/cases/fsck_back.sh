# Objects that were away while a repair looked (a disk that was not mounted, a backup that was being put
# back) are there again: the next repair reads them and takes them up. One that came back damaged stays
# lost.
a_store
mv store/objects objects.away
mkdir store/objects
run cull fsck --repair
rm -r store/objects
mv objects.away store/objects
run cull fsck
run cull fsck --repair
run cull get team/vision/pets:v0 out
run cull fsck --read-data

# Folders that are usually empty, which a copy may lack, are made again.
rmdir store/tmp store/quarantine
run cull fsck
run ls store
