# Rule 31, byte for byte: v0 = cat 2 MB + dog 1 MB; v1 adds rat 3 MB. Deleting v1 frees 3 MB and
# leaves v0 whole. Deleting v0 frees nothing, and v1 then stores 6 MB.
make_pets() { # STORE
    cull --store "$1" init --grace 0 >/dev/null
    rm -rf src
    bytes 2000000 src/cat
    bytes 1000000 src/dog
    cull --store "$1" put team/vision/pets src
    cp -r src v0
    bytes 3000000 src/rat
    cull --store "$1" put team/vision/pets src
    rm -rf v1
    cp -r src v1
}
objects_bytes() { # STORE
    find "$1/objects" -type f -exec cat {} + | wc -c
}

make_pets newer
run objects_bytes newer
run cull --store newer delete team/vision/pets:v1 --delete-aliases --bytes
run cull --store newer gc
run objects_bytes newer
run cull --store newer get team/vision/pets:v0 out
run diff -r v0 out
run cull --store newer fsck --read-data
run cull --store newer du

rm -rf out v0
make_pets older
run cull --store older delete team/vision/pets:v0 --bytes
run cull --store older gc
run objects_bytes older
run cull --store older get team/vision/pets:v1 out
run diff -r v1 out
run cull --store older fsck --read-data
run cull --store older du
