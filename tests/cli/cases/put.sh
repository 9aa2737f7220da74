# Putting directories: versions, unchanged content, aliases, tags, types, runs, TTLs.
cull init >/dev/null
bytes 1000 src/a
bytes 2000 src/sub/dir/b
mkdir -p src/empty src/sub/none
run cull put team/vision/set src --type model --alias good --alias best --tag x --tag y --run r1
run cull put team/vision/set src
run cull put team/vision/set src --alias other
cp src/a src/same-as-a
touch src/nothing
run cull --entity team --project vision put set src --threads 1
run cull put set src --entity=team --project=vision --threads=64
bytes 10 src/a
json ok put set src --entity team --project vision --ttl 14d
json ok put set src --entity team --project vision
run cull ls team/vision/set
run cull alias ls team/vision/set
mkdir nothing
run cull put team/vision/none nothing
run cull put team/vision/set src --type dataset
run cull put team/vision/set:v1 src
run cull put set src
run cull put team/vision/set src/a
run cull put team/vision/set missing
run cull put team/vision/set src --alias v3
run cull put team/vision/set src --alias a/b
run cull put team/vision/set src --threads 65
run cull put 'team/vision/se t' src
run cull put team/vision/set src --ttl 0
run cull put team/vision/all .
run cull ls
run cull ls --uploads
