# A file that an upload which never ended left behind is replaced by what a put has verified, although
# it has the same size: what the disk did to it meanwhile nobody has read.
a_store
echo brand new >src/new
mkdir -p "$(dirname "$(object src/new)")"
echo BRAND new >"$(object src/new)"
run cull put team/vision/pets src
run cmp "$(object src/new)" src/new
run cull get team/vision/pets out
run cmp out/new src/new
run cull fsck --read-data
run ls store/tmp
