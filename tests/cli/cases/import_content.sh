# Importing with content: by path, by version, by digest in W&B's layouts; what does not match.
bytes 1000 src/a
bytes 2000 src/sub/b
(cd src && md5sum a sub/b) >sums
run cull --store index init --objects none --digest md5
run cull --store index import list e/p/c sums
cull --store index export e/p/c one.json >/dev/null
sed 's/"a"/"renamed"/' one.json >two.json
mkdir folder
cp one.json folder/v1.json
cp two.json folder/v2.json
cull init >/dev/null
run cull import wandb e/p/path one.json
run cull import wandb e/p/path one.json --content src
run cull show e/p/path --files
run cull get e/p/path got
diff -r src got && echo same
# what an entry says besides stays, whatever the store's digests are
sed 's/"digest"/"birthArtifactID": "QQ==", "digest"/; s/"V2"/"V1"/' one.json >more.json
run cull import wandb e/p/more more.json --content src
run cull export e/p/more:latest
# the layouts: objects named by MD5
hex() { md5sum <"$1" | cut -c 1-32; }
for f in a sub/b; do
    mkdir -p v1/artifacts/team v2/artifactsV2/default/team/QXJ0aWZhY3Q6MQ== \
        named/artifactsV2/default/team/QXJ0aWZhY3Q6MQ==/$(hex src/$f) \
        bucket/wandb_artifacts/616401790/1671104183 cache/obj/md5/$(hex src/$f | cut -c 1-2)
    cp src/$f v1/artifacts/team/$(hex src/$f)
    cp src/$f v2/artifactsV2/default/team/QXJ0aWZhY3Q6MQ==/$(hex src/$f)
    cp src/$f named/artifactsV2/default/team/QXJ0aWZhY3Q6MQ==/$(hex src/$f)/$(basename $f)
    cp src/$f bucket/wandb_artifacts/616401790/1671104183/$(hex src/$f)
    cp src/$f cache/obj/md5/$(hex src/$f | cut -c 1-2)/$(hex src/$f | cut -c 3-32)
done
# below a second artifact's id, under the name that the file had there
mkdir -p named/artifactsV2/default/team/QXJ0aWZhY3Q6Mg==/$(hex src/a)
cp src/a named/artifactsV2/default/team/QXJ0aWZhY3Q6Mg==/$(hex src/a)/before
for layout in v1 v2 named bucket cache; do
    run cull --store $layout.store init --digest md5
    run cull --store $layout.store import wandb e/p/c folder --content $layout --threads 2
    run cull --store $layout.store fsck --read-data
done
run cull --store bucket.store get e/p/c:v1 got2
ls got2
# a file whose name looks like a digest is no object where the path says which file is meant
mkdir hexed
printf other >hexed/$(hex src/a)
cp src/a hexed/renamed
cp src/a hexed/a
mkdir hexed/sub
cp src/sub/b hexed/sub/b
run cull --store hexed.store init --digest md5
run cull --store hexed.store import wandb e/p/c folder --content hexed
rm hexed/a
run cull --store hexed.store import list e/p/list sums --content hexed
cull --store hexed2.store init --digest md5 >/dev/null
run cull --store hexed2.store import list e/p/list sums --content hexed
# by version
mkdir -p versions/v1/sub versions/v2/sub
cp src/a versions/v1/a
cp src/a versions/v2/renamed
cp src/sub/b versions/v1/sub/b
cp src/sub/b versions/v2/sub/b
run cull --store versions.store init --digest sha1
run cull --store versions.store import wandb e/p/c folder --content versions
run cull --store versions.store import list e/p/list sums --content src
run cull --store versions.store du
# of several files in a folder that is named by a digest only the one with the file's name counts
mkdir -p crowd/$(hex src/a)
echo 1 >crowd/$(hex src/a)/one
echo 2 >crowd/$(hex src/a)/two
printf 'a\t%s\t1000\n' "$(hex src/a)" >tabs
run cull --store crowd.store init --digest md5
run cull --store crowd.store import list e/p/c tabs --content crowd
cp src/a crowd/a
run cull --store crowd.store import list e/p/c tabs --content crowd
cp src/a crowd/$(hex src/a)/a
rm crowd/a
cull --store crowd2.store init --digest md5 >/dev/null
run cull --store crowd2.store import list e/p/c tabs --content crowd
# what is not there, or is other bytes
run cull import wandb e/p/bad folder --content src
run cull import wandb e/p/bad one.json --content nowhere
bytes 999 src/a
run cull import wandb e/p/bad one.json --content src
cp got/a src/a
printf 'a\t%s\t999\n' "$(hex src/a)" >tabs
run cull import list e/p/bad tabs --content src
run cull --store empty init --digest md5
run cull --store empty import wandb e/p/bad one.json
run cull ls
run cull ls --uploads
