# Deleting touches metadata only: no object is read, written or even there; live bytes fall at once, stored
# ones when a cycle has swept.
a_store
figures() { cull --json du | grep -o '"\(tracked\|stored\|reclaimable\)_bytes":[0-9]*'; }
figures
before=$(cd store && find objects -type f -printf '%p %s %T@ %A@\n' | sort)
mv store/objects away
run cull delete team/vision/pets:v1 --delete-aliases
cull delete --collection team/vision/pets --dry-run | sed -n 1p
mv away store/objects
[ "$before" = "$(cd store && find objects -type f -printf '%p %s %T@ %A@\n' | sort)" ] && echo untouched
figures
run cull gc
figures
