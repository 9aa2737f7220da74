# Stores that are not there, not ours, newer, cut short or damaged: one line that names the file,
# the right exit code, and not a byte is changed.
a_store
cp -r store good

broken() { # WHAT: the store as it is now
    echo "--- $1"
    sha256sum store/cull.db 2>/dev/null >before
    cull ls
    echo "ls: exit $?"
    cull put team/vision/pets src >/dev/null 2>&1
    echo "put: exit $?"
    cull gc >/dev/null 2>&1
    echo "gc: exit $?"
    sha256sum store/cull.db 2>/dev/null >after
    cmp before after
    rm -rf store
    cp -r good store
}

rm -r store
broken "no directory"
rm store/cull.db
broken "no cull.db"
rm -r store
echo >store
broken "a file"
: >store/cull.db
broken "empty"
echo "this is not a database, it is a text" >store/cull.db
broken "a text"
head -c 100 good/cull.db >store/cull.db
broken "the header only"
head -c $(($(wc -c <good/cull.db) / 2)) good/cull.db >store/cull.db
broken "half of it"
rm store/cull.db
sql store/cull.db 'CREATE TABLE t (a); INSERT INTO t VALUES (1)'
broken "a foreign database"
sql store/cull.db 'PRAGMA user_version = 99'
broken "newer tables"
sql store/cull.db 'UPDATE meta SET reader_min = 99'
broken "newer facts"
sql store/cull.db 'UPDATE log SET data = zeroblob(length(data)) WHERE first_seq > 2'
broken "facts of zeros"
sql store/cull.db 'UPDATE log SET data = substr(data, 1, length(data) - 1) WHERE first_seq > 2'
broken "a fact cut short"
sql store/cull.db 'DELETE FROM log WHERE first_seq = (SELECT max(first_seq) FROM log)'
broken "the last facts gone"
sql store/cull.db 'DELETE FROM log WHERE first_seq = (SELECT min(first_seq) FROM log)'
broken "the first facts gone"
sql store/cull.db 'DROP TABLE log'
broken "a table gone"
page=$((4096 * 2))
yes damage | head -c $(($(wc -c <good/cull.db) - page)) | dd of=store/cull.db bs=$page seek=1 conv=notrunc 2>/dev/null
broken "pages overwritten"
mv store/cull.db elsewhere
ln -s ../elsewhere store/cull.db
broken "a symbolic link"
echo "--- and the good one"
run cull ls
run cull fsck --read-data
json notfound --store nowhere ls
