# A bare collection name could mean two things and is refused, with both ways spelled out.
cull init >/dev/null
mkdir src
i=0
while [ $i -lt 12 ]; do
    echo $i >src/a
    cull put team/vision/mnist src >/dev/null
    i=$((i + 1))
done
cull put team/vision/one src >/dev/null
run cull delete team/vision/mnist
run cull delete mnist --entity team --project vision
run cull delete one --entity team --project vision
run cull delete team/vision/mnist:v3 team/vision/mnist
run cull delete team/vision/none
run cull delete mnist
run cull restore team/vision/mnist
json usage delete team/vision/mnist
run cull delete mnist:latest --entity team --project vision --delete-aliases
run cull delete --collection mnist --entity team --project vision
run cull delete team/vision/mnist
run cull ls
