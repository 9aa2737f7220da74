# A store is made whole or not at all, and only once.
run cull init
run cull init
run ls store
run cull init other --digest md5 --grace 336h --lease 90m --objects none --hosting local
run cull --store other stat
json ok init third --digest xxh128 --grace 0
json failed init third
run cull init fourth --digest sha512
run cull init fourth --grace 101y
run cull init fourth --grace 5300w
run cull init fourth --objects bucket
run cull init fourth --lease 0
run ls fourth
run cull init missing/fifth
touch file
run cull init file
mkdir sixth && touch sixth/something
run cull init sixth
# what an interrupted init leaves does not stand in the way
mkdir -p seventh/objects seventh/tmp seventh/quarantine
echo half >seventh/cull.db.init-1
run cull init seventh
run cull --store seventh fsck
cd sixth && run cull --store ../eighth init && unset CULL_STORE && mkdir ../ninth && cd ../ninth
run cull init
run cull --store=../eighth stat --json
