# What a store keeps by itself: set, listed, tried, applied by a cycle, taken away again.
cull init --grace 1h >/dev/null
for i in 0 1 2 3 4 5; do
    bytes "$((i + 1))000" src/file
    cull put team/vision/pets src >/dev/null
done
cull alias set team/vision/pets:v1 prod-eu
cull put team/vision/lone src >/dev/null

run cull policy ls
run cull policy set 'team/vision/pets'
run cull policy set 'team/vision/pe ts' --keep-last 2
run cull policy set 'team/vision/pets' --keep-alias 'a/b'
run cull policy test 'team/*/pets' --keep-last 2 --keep-alias 'prod*'
run cull policy set --project vision 'pe*' --keep-last 2 --keep-every 4 --keep-alias 'prod*' --entity team
json ok policy ls
json ok policy test

# It would leave nothing; what has an hour before it leaves all.
run cull policy set '*' --keep-alias nothing
run cull policy set 'lone' --ttl 1h
run cull policy ls

run cull gc --dry-run
run cull gc
run cull ls team/vision/pets
run cull trash
run cull restore team/vision/pets:v2
run cull policy rm 'team/vision/pe*'
run cull policy rm '*/*/pe*'
json ok gc
run cull policy frob
run cull policy rm lone --ttl 4h
run cull policy ls
