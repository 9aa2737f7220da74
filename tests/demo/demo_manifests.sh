# shellcheck shell=sh disable=SC2154,SC2034 # variables are those of demo.sh
# demo_manifests.sh - manifests of Weights & Biases: the same identity as its client computes, out
# again as they came in, and content that is verified on its way. Sourced by demo.sh.

CULL_STORE=$top/manifests

step "Manifests that exist already: an index takes their digests, it keeps no content"
run init --objects none --digest md5
mkdir vectors
awk -F '\t' '{ print $4 >("vectors/v" NR - 1 ".json") }' fixtures/manifests/vectors.tsv
run import wandb demo/wandb/vectors vectors
cut -f 1 fixtures/manifests/vectors.tsv | sort >want
"$cull" ls demo/wandb/vectors --json |
    sed -n 's/.*"manifest_digest":"\([0-9a-f]*\)".*/\1/p' | sort | cmp - want
say "each of the $(lines want) has the digest that the public client computes"

step "What is imported can be written out again: the same manifest"
run import wandb demo/wandb/target fixtures/manifests/go-client.json --artifact-id Artifact:123
run import wandb demo/wandb/client fixtures/manifests/python-client.json
say "it refers to a file of that artifact by wandb-artifact://, and keeps it"
run export demo/wandb/client:v0 wandb_manifest.json
run import wandb demo/wandb/again wandb_manifest.json
digest_of() { # VERSION
    "$cull" show "$1" --json | sed -n 's/.*"manifest_digest":"\([0-9a-f]*\)".*/\1/p'
}
same "digest of the manifest" "$(digest_of demo/wandb/again:v0)" "$(digest_of demo/wandb/client:v0)"
say "both have the digest $(digest_of demo/wandb/again:v0)"

step "A store with content verifies it: a file that is not what the manifest says is refused"
CULL_STORE=$top/store
mkdir -p content/dir
printf 'hallo\n' >content/a.txt # the manifest was made of hello
awk 'BEGIN { for (i = 0; i < 256; i++) printf "%03o\n", i }' | while read -r octal; do
    # shellcheck disable=SC2059 # every byte once
    printf "\\$octal"
done >content/dir/b.bin
cp content/a.txt content/dir/copy.txt
: >content/empty.dat
printf x >'content/é ü.txt'
if run import wandb demo/wandb/dir vectors/v2.json --content content 2>&1; then
    fail "a wrong file was taken"
fi

step "With the right files it comes in, and out again"
printf 'hello\n' >content/a.txt
cp content/a.txt content/dir/copy.txt
run import wandb demo/wandb/dir vectors/v2.json --content content
run get demo/wandb/dir:v0 content-back
diff -r content content-back
say "the same, byte for byte"
