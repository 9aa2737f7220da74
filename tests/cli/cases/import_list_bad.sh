# Lists that are refused: each with its file, its line and the reason; nothing is changed.
cull init --objects none --digest md5 >/dev/null
d=d41d8cd98f00b204e9800998ecf8427e
try() { # WHAT TEXT (of printf)
    echo "# $1"
    printf "$2" >list
    cull import list e/p/c list && echo "taken"
}
try "not a list" 'hello\n'
try "an empty line" "$d  a\n\n$d  b\n"
try "another form" "$d  a\nb\t$d\t1\n"
try "another kind" "$d  a\nda39a3ee5e6b4b0d3255bfef95601890afd80709  b\n"
try "another kind, by name" "MD5 (a) = $d\nSHA1 (b) = da39a3ee5e6b4b0d3255bfef95601890afd80709\n"
try "an unknown kind" "SHA512 (a) = $d\n"
try "a digest cut short" "a\t${d}00\t1\n"
try "a size that is none" "a\t$d\t1\nb\t$d\t1x\n"
try "a size that overflows" "a\t$d\t18446744073709551616\n"
try "sizes whose sum overflows" \
    "a\t$d\t18446744073709551614\nb\td41d8cd98f00b204e9800998ecf8427f\t2\n"
try "one blob, two sizes" "a\t$d\t1\nb\t$d\t2\n"
try "absolute" "$d  /etc/passwd\n"
try "above" "$d  a/../../b\n"
try "twice" "$d  b\n$d  a\n$d  ./b\n"
try "a bad escape" "\\\\$d  a\\\\x\n"
try "no UTF-8" "$d  a\377\n"
try "NUL" "$d  a\000b\n"
try "cut short" "$d  a\n$d"
head -c 20000 /dev/zero | tr '\0' x >list
run cull import list e/p/c list
run cull import list e/p/c missing
run cull import list e/p/c .
run cull import list e/p/c list --digest md6
run cull import list e/p/c
run cull import
run cull import tar e/p/c list
run cull import list e/p/c list --ttl 0
printf "%s  a\n" $d >list
run cull --store other init --objects none
run cull --store other import list e/p/c list
run cull import list e/p/c list --digest sha256
run cull ls
run cull ls --uploads
