# Selections, alone and combined; nothing selected is no failure.
cull init --grace 0 >/dev/null
make() { # COLLECTION CONTENT OPTION...
    mkdir -p src
    echo "$2" >src/file
    name=$1
    shift 2
    cull put "$name" src "$@" >/dev/null
}
make team/vision/mnist 0 --tag old --run r1
make team/vision/mnist 1 --alias best
make team/vision/mnist 2 --tag old
make team/vision/mnist 3 --run r2
make team/vision/mnist 4
make team/vision/cifar 5 --type model --tag old
make team/vision/cifar 6
make team/audio/mnist 7 --tag old
make other/vision/mnist 8 --tag old
run cull delete -n --delete-aliases --tag old
run cull delete -n --delete-aliases --tag old --collection team/vision/mnist
run cull delete -n --delete-aliases --tag old --project team/vision
run cull delete -n --delete-aliases --tag old --entity team --project vision
run cull delete -n --delete-aliases --tag old --entity team
run cull delete -n --delete-aliases --name 'c*'
run cull delete -n --delete-aliases --name 'mn[a-z]st' --type dataset --entity team
run cull delete -n --delete-aliases --type model
run cull delete -n --alias best
run cull delete -n --delete-aliases --alias best
run cull delete -n --no-alias
run cull delete -n --no-alias --no-run
run cull delete -n --run team/vision/r1
run cull delete -n --run r2 --entity team --project vision
run cull delete -n --run team/vision/r9
run cull delete -n --keep-last 2 --delete-aliases
run cull delete -n --keep-every 2 --collection team/vision/mnist --delete-aliases
run cull delete -n --keep-alias 'b*' --keep-alias 'lat*' --collection team/vision/mnist
run cull delete -n --keep-last 1 --keep-every 2 --keep-alias 'be?t' --collection team/vision/mnist
run cull delete -n --older-than 1h
run cull delete -n --older-than 0 --collection other/vision/mnist --delete-aliases
run cull delete -n --tag nothing
json ok delete -n --tag nothing
run cull delete -n --tag old --collection team/vision/nothing
run cull delete -n --tag old --project vision
run cull delete --tag old --project team/vision
run cull delete --tag old --project team/vision --delete-aliases --bytes
run cull ls team/vision/mnist --all
json ok delete --no-alias --keep-last 1
run cull delete --keep-last 99999999999
run cull ls
