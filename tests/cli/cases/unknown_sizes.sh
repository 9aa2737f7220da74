# What md5sum(1) lists has no sizes: every figure that such files are part of says so, in words and
# in JSON, and no other figure does.
cull init index --objects none --digest md5 --grace 0 >/dev/null
export CULL_STORE=$PWD/index
known() { # COLLECTION FILE...
    name=$1
    shift
    for file in "$@"; do printf "$file\t%s\t5\n" "$(printf %s "$file" | md5sum | cut -c 1-32)"; done >list
    cull import list "$name" list >/dev/null
}
unknown() {
    name=$1
    shift
    for file in "$@"; do printf "%s  $file\n" "$(printf %s "$file" | md5sum | cut -c 1-32)"; done >list
    cull import list "$name" list >/dev/null
}
known e/p/kept apple
known e/p/known banana
known e/p/known berry
unknown e/p/unknown cat
known e/p/unknown dog
known e/p/mixed elk
unknown e/p/mixed elk fox
known e/p/mixed goat
exact() { grep -o '"type":"[a-z]*"\|"[a-z_]*bytes[a-z_]*":[0-9]*\|"size_exact":[a-z]*' | tr '\n' ' '; echo; }
for name in known unknown mixed; do
    echo "# $name"
    count=0
    [ $name = mixed ] && count=1
    run cull delete e/p/$name:v$count --dry-run --bytes
    cull delete e/p/$name:v$count --dry-run --bytes --json | exact
    cull delete e/p/$name:v$count --bytes
    run cull trash
    cull trash --json | exact
    run cull gc --dry-run
    cull gc --dry-run --json | exact
    run cull restore e/p/$name:v$count
    cull delete e/p/$name:v$count >/dev/null
    run cull gc --list free
    cull gc --list other --json | exact
    cull gc --list - --json | exact
    cull gc --confirm free
    cull delete --collection "e/p/$name" --bytes
    cull gc --list free
    cull gc --confirm free
done
echo "# a store that keeps the content knows what it frees"
cull init store --digest md5 --grace 0 >/dev/null
export CULL_STORE=$PWD/store
mkdir content
printf cat >content/cat
printf dog >content/dog
md5sum content/cat content/dog | sed 's|content/||' >list
cull import list e/p/c list --content content >/dev/null
rm content/dog
md5sum content/cat | sed 's|content/||' >list
cull import list e/p/c list --content content >/dev/null
cull delete e/p/c:v0 --bytes
cull gc --dry-run --json | exact
cull gc --json | exact
echo "# what is said later is known from then on"
cull init later --objects none --digest md5 --grace 0 >/dev/null
export CULL_STORE=$PWD/later
unknown e/p/old cat dog
known e/p/new cat
cull du | tail -n 1
cull why "$(printf cat | md5sum | cut -c 1-32)" | grep -v /
cull why "$(printf dog | md5sum | cut -c 1-32)" | grep -v /
sed 's/5$/6/' list >wrong
run cull import list e/p/new wrong
# two sizes of what is known without one, in two batches
awk -v dog="$(printf dog | md5sum | cut -c 1-32)" 'BEGIN {
    for (i = 0; i < 5000; i++)
        printf "f%05d\t%s\t%d\n", i, i % 4999 ? sprintf("%032x", i) : dog, i
}' >wrong
run cull import list e/p/new wrong
known e/p/old cat dog
run cull ls e/p/old
run cull du
cull delete --collection e/p/old --bytes | tail -n 1
cull gc --list free
run cull fsck
echo "# and is written with a version that did not say it; what nobody said is not"
cull init sizes --objects none --digest md5 >/dev/null
export CULL_STORE=$PWD/sizes
cat='"cat":{"digest":"0HfyRN74pw5ep1i9g1L82A=="' # of MD5, in base64
dog='"dog":{"digest":"BtgOsMULSaUJtJ8kJOjIBQ=="}'
manifest() { printf '{"version":1,"contents":{%s,%s,"r":{"ref":"s3://b/k","digest":"x"}}}' "$1" "$2"; }
manifest "$cat,\"birthArtifactID\":\"QQ==\"}" "$dog" >without.json
manifest "$cat,\"size\":3}" "$dog" >with.json
run cull import wandb e/p/c without.json
run cull import wandb e/p/c with.json
run cull export e/p/c:v0 out.json
cat out.json
run cull show e/p/c:v0 --files
run cull import wandb e/p/c out.json
echo "# more sizes than one append of the log takes"
cull init many --objects none --digest md5 >/dev/null
export CULL_STORE=$PWD/many
awk 'BEGIN { for (i = 0; i < 530000; i++) printf "%032x  f%06d\n", i, i }' >list
cull import list e/p/c list >/dev/null
awk 'BEGIN { for (i = 0; i < 530000; i++) printf "f%06d\t%032x\t%d\n", i, i, i }' >list
run cull import list e/p/c list
run cull du
cull fsck
