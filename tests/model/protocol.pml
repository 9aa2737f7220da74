/*
 * protocol.pml - the protocol between uploaders, collectors and an object store, for spin.
 *
 * SHAPE     One content, called a. Each process is a loop over steps; a step is one transaction with
 *           the log, or one request to the object store, and is atomic, because the log puts the
 *           first in order and the object store the second. Between two steps anything else may
 *           happen: the process stands still for as long as it likes, or dies. Each step names the
 *           file and the function that does it; verify.sh fails if there is no such function.
 * STORES    DIRECTORY: unlink is synchronous, and the collector's lock goes with its process (also
 *           objects in memory). VERSIONED: a bucket that keeps versions: a delete names those that
 *           stand in the claim. UNVERSIONED: a bucket that does not: the key ends in the
 *           incarnation. In buckets requests arrive late, deletes also twice, and a collector that
 *           stands still may lose its lock to another: there, it counts for nothing here.
 * CHECKED   After every step: the content of every retained version, and all that an open upload
 *           was told is stored, lies in the object store (invariants 1 and 2); each fact fits the
 *           state. From every state: if everybody dies in it, then when leases are over and requests
 *           have arrived, a cycle, fsck --repair and a cycle leave nothing that no version holds,
 *           and no work half done (invariants 5 and 6).
 * BOUNDS    Any number of uploads, cycles and deaths. At once: two uploads, two collectors, VERSIONS
 *           retained versions, KEYS objects of a. What would need more waits. What is no longer
 *           known to anybody is named anew, which keeps the numbers small.
 * CLOCKS    There are none: any lease may be seen past its end at any time, and any soft-delete be
 *           due. What holds so holds for all clocks, fast, slow, or jumping.
 * DAMAGE    With -DDAMAGE, on a directory, the object of a LIVE blob comes to harm once: it is lost,
 *           or holds other bytes. From then on what is checked is excused, until somebody confirms
 *           that it is right, or it is gone; a repair sets it aside, and the next upload heals it.
 * NOT HERE  Lifespans and counts (only: does anybody hold it), names and rules, several contents,
 *           torn writes.
 * GUARDS    -DNO_PIN and its like each take one rule out; verify.sh lists them, each must give a counterexample.
 */

#if defined(DIRECTORY) + defined(VERSIONED) + defined(UNVERSIONED) != 1
#error say one kind of store: -DDIRECTORY, -DVERSIONED, -DUNVERSIONED
#endif
#if defined(DAMAGE) && !defined(DIRECTORY)
#error damage is looked at on a directory
#endif
#ifndef UPLOADERS
#define UPLOADERS 2
#endif
#ifndef COLLECTORS
#define COLLECTORS 2
#endif
#ifndef VERSIONS
#define VERSIONS 1
#endif
#ifndef KEYS
#define KEYS 2 /* or 3 */
#endif
#ifndef DIRECTORY
#define BUCKET
#elif !defined(LOCK_OUTLIVED)
#define LOCK
#endif
#if defined(UNVERSIONED) && !defined(NO_INCARNATION)
#define INCARNATIONS
#define NUMBERS KEYS /* of blobs: claimed ones beside the one that a put finds */
#else
#define NUMBERS 1
#endif

/* --- what the log says ----------------------------------------------------------------------- */

#define FREE 0
#define EXPECTED 1
#define LIVE 2
#define DELETING 3
byte blob[NUMBERS]; /* state */
byte found;         /* the number under which a put finds a, plus 1 */
#ifdef VERSIONED
byte claimed; /* object versions that are written in the claim */
#endif
#ifdef INCARNATIONS
byte incarnation[NUMBERS];
byte current; /* that of the newest cycle */
#endif

#define NONE 0
#define COMMITTED 1
#define DELETED 2 /* soft; what was purged is NONE again */
byte version[VERSIONS]; /* each holds a */

bool open[2];
byte base[2]; /* of an upload: a version that is pinned as a whole, plus 1 */
byte pin[2];  /* a number, plus 1 */
byte newest;  /* whose cycle is the newest, plus 1 */

/* --- the rest of the world ------------------------------------------------------------------- */

byte objects; /* a bit for each object of a: by its version, or its incarnation */
byte list[2]; /* those that a collector has listed, or is about to delete */
#ifdef LOCK
byte leader; /* who has the collector's lock, plus 1 */
#endif
#ifdef BUCKET
byte putting[2]; /* key of an uploader's request on its way, plus 1; the sender may be dead */
byte deleting;   /* requests on their way, of the living and of the dead */
byte asked[2];   /* those that a living collector has no answer to */
#endif
#ifdef DAMAGE
bool harmed;  /* the object that is there holds other bytes */
bool once;    /* the harm has been done */
bool excused; /* and nobody has said since that it is right: what the oracle knows */
bool lost[2]; /* a was called lost since an uploader asked for its key */
bool moved;   /* a fact came after a repair's look */
#endif
bool told[2]; /* the upload was told that a is stored: what the oracle knows, not the log */
bool over;    /* everybody is dead, and what was left has been checked */

/* --- what uploaders and collectors are at, and remember -------------------------------------- */

mtype = { u_idle, u_put, u_ids, u_publish, u_confirm, u_commit };
mtype doing[2] = u_idle;
byte key[2]; /* under which an uploader publishes, plus 1 */

mtype = { c_idle, c_begin, c_work, c_list, c_claim, c_collect, c_list_late, c_delete, c_gone,
          f_versions, f_adopt, r_aside, r_look, r_lost };
mtype at[2] = c_idle;
byte purges[2];   /* versions of a collector's plan */
byte dead[2];     /* the blob of its plan: its number, plus 1 */
byte dead_key[2]; /* and its key, or that of an orphan, plus 1 */
byte number[2];   /* of the blob whose objects it deletes */

#define BIT(k) (1 << (k))
#define ALL_KEYS (BIT(KEYS) - 1)

#if VERSIONS == 1
#define RETAINED (version[0] != NONE)
#else
#define RETAINED (version[0] != NONE || version[1] != NONE)
#endif
#ifdef INCARNATIONS
#define KEY(n) incarnation[n]
#else
#define KEY(n) 0
#endif
#ifdef VERSIONED
#define PRESENT(k) (objects != 0)
#else
#define PRESENT(k) ((objects & BIT(k)) != 0)
#endif

#ifdef DAMAGE
#define RIGHT(k) (PRESENT(k) && !harmed)
#define EXCUSED excused
#else
#define RIGHT(k) PRESENT(k)
#define EXCUSED false
#endif

/* Invariants 1 and 2. */
#define SAFE \
    (!(RETAINED || told[0] || told[1]) || EXCUSED || (found != 0 && RIGHT(KEY(found - 1))))

/* After each step. Two uploaders do the same, and two collectors: with -DSYMMETRY the states that
 * differ in who is who count as one, which leaves the answer as it is and a quarter of the states.
 * A counterexample is easier to read without. */
#ifndef SYMMETRY
#define CHECK assert(SAFE)
#else
#ifdef BUCKET
#define REQUEST_OF(u) putting[u]
#define ASKED_BY(c) asked[c]
#else
#define REQUEST_OF(u) 0
#define ASKED_BY(c) 0
#endif
#define UPLOADER(u) \
    (doing[u] * 1024 + open[u] * 512 + told[u] * 256 + pin[u] * 64 + base[u] * 16 + key[u] * 4 + \
     REQUEST_OF(u))
#define COLLECTOR(c) \
    (at[c] * 32768 + (newest == c + 1) * 16384 + list[c] * 2048 + ASKED_BY(c) * 256 + \
     number[c] * 64 + dead[c] * 16 + dead_key[c] * 4 + purges[c])
#define SWAP(array) \
    swap = array[0]; \
    array[0] = array[1]; \
    array[1] = swap

hidden byte swap;

inline check_and_sort()
{
    assert(SAFE);
    if
    :: UPLOADER(0) < UPLOADER(1) ->
        SWAP(doing); SWAP(open); SWAP(told); SWAP(pin); SWAP(base); SWAP(key);
#ifdef BUCKET
        SWAP(putting)
#endif
    :: else
    fi;
    if
    :: COLLECTOR(0) < COLLECTOR(1) ->
        SWAP(at); SWAP(list); SWAP(number); SWAP(dead); SWAP(dead_key); SWAP(purges);
#ifdef BUCKET
        SWAP(asked);
#endif
#ifdef LOCK
        leader = (leader != 0 -> 3 - leader : 0);
#endif
        newest = (newest != 0 -> 3 - newest : 0)
    :: else
    fi
}
#define CHECK check_and_sort()
#endif

/* index/counts.c: cull__counts_get - the count of a blob is not 0 */
#define PINNED(n) (pin[0] == (n) + 1 || pin[1] == (n) + 1)
#ifdef NO_PIN
#define HELD(n) (RETAINED && found == (n) + 1)
#else
#define HELD(n) ((RETAINED && found == (n) + 1) || PINNED(n))
#endif

/* catalog/rules.c: cull__version_due - at some instant, unless an open upload builds on it */
#ifdef NO_BASE_PIN
#define DUE(v) (version[v] == DELETED)
#else
#define DUE(v) (version[v] == DELETED && base[0] != (v) + 1 && base[1] != (v) + 1)
#endif

/* store/plan.c: cull__blob_can_die - an EXPECTED one too, because its object may be there */
#ifdef EXPECTED_STAYS
#define CAN_DIE(n) (blob[n] == LIVE)
#else
#define CAN_DIE(n) (blob[n] == LIVE || blob[n] == EXPECTED)
#endif

/* --- facts about blobs ------------------------------------------------------------------------- */

#if NUMBERS == 1
#define A_NUMBER_IS_FREE (blob[0] == FREE)
#elif NUMBERS == 2
#define A_NUMBER_IS_FREE (blob[0] == FREE || blob[1] == FREE)
#else
#define A_NUMBER_IS_FREE (blob[0] == FREE || blob[1] == FREE || blob[2] == FREE)
#endif

inline number_next(n) /* index/blob_table.c: cull__blob_table_next */
{
    n = 0;
    do
    :: blob[n] != FREE -> n++
    :: else -> break
    od
}

inline fact_pin_new(u) /* store/index_state.c: insert_blobs */
{
    number_next(n);
    blob[n] = EXPECTED;
    found = n + 1;
    pin[u] = found;
#ifdef INCARNATIONS
    incarnation[n] = current
#endif
}

/* store/index_state.c: apply_claim - a put waits from now on, or has another key */
inline fact_claim(n, listed)
{
    blob[n] = DELETING;
#ifdef VERSIONED
    claimed = listed;
#endif
#ifdef INCARNATIONS
    found = (found == n + 1 -> 0 : found)
#endif
}

inline fact_gone(n) /* store/index_state.c: apply_gone */
{
    assert(blob[n] == DELETING);
    blob[n] = FREE;
#ifdef DAMAGE
    excused = false;
#endif
#ifdef VERSIONED
    claimed = 0;
#endif
#ifdef INCARNATIONS
    incarnation[n] = 0;
#endif
    found = (found == n + 1 -> 0 : found)
}

inline fact_adopt(n, k, listed) /* store/index_state.c: apply_adopt */
{
    number_next(n);
    blob[n] = DELETING;
#ifdef VERSIONED
    claimed = listed;
#endif
#ifdef INCARNATIONS
    incarnation[n] = k
#else
    found = n + 1
#endif
}

inline fact_end(u) /* store/index_state.c: unpin_all */
{
    open[u] = false;
    base[u] = 0;
    pin[u] = 0;
    told[u] = false
}

/* --- uploaders ------------------------------------------------------------------------------- */

#ifdef NO_WAIT
#define WAIT false
#else
#define WAIT (open[u] && found != 0 && blob[found - 1] == DELETING)
#endif
#ifdef NO_EXPECTED /* a blob that another has named counts as stored */
#define STORED(n) (blob[n] == LIVE || (blob[n] == EXPECTED && PINNED(n) && pin[u] != (n) + 1))
#else
#define STORED(n) (blob[n] == LIVE)
#endif
#ifdef NO_MISSING
#define MISSING false
#else
#define MISSING (found == 0 || blob[found - 1] != LIVE)
#endif

/* store/upload.c: find_pinned */
#define NAMED_BY_US (found != 0 && (pin[u] == found || base[u] != 0))

/* store/upload.c: check_confirm, check_objects - a repair may have taken it out of the way */
#if defined(DAMAGE) && !defined(NO_CONFIRM_LOOK)
#define SET_ASIDE(u) (lost[u] && !PRESENT(0))
#else
#define SET_ASIDE(u) false
#endif

#if defined(BUCKET) && !defined(CONFIRM_BEFORE_DURABLE)
#define ANSWERED (putting[u] == 0)
#else
#define ANSWERED true
#endif

/* Of equal versions there is one (store/commit.c: commit_equal); else one is made. */
#if VERSIONS == 1
#define ROOM (version[0] != DELETED)
#else
#define ROOM (version[0] != DELETED || version[1] != DELETED)
#endif

inline commit_version()
{
    if
    :: version[0] != DELETED -> version[0] = COMMITTED
#if VERSIONS > 1
    :: else -> version[1] = COMMITTED
#endif
    fi
}

inline put_known(u) /* store/upload.c: put_known */
{
    if
    :: STORED(found - 1) ->
        if /* store/upload.c: cull__upload_base_holds */
        :: base[u] == 0 -> pin[u] = found
        :: else
        fi;
        told[u] = true;
        doing[u] = u_commit
    :: else ->
#ifdef NO_WAIT
        blob[found - 1] = EXPECTED;
#endif
        pin[u] = found;
        doing[u] = u_ids
    fi
}

proctype uploader(byte u)
{
    byte n;

end:
    do
    /* store/upload.c: check_open - with a base, or without */
    :: atomic {
        !over && doing[u] == u_idle && !open[u] ->
        open[u] = true;
        if
        :: true
        :: version[0] == COMMITTED -> base[u] = 1; told[u] = true
#if VERSIONS > 1
        :: version[1] == COMMITTED -> base[u] = 2; told[u] = true
#endif
        fi;
        doing[u] = u_put;
        CHECK
    }
    /* store/upload.c: cull_upload_attach - a process goes on with what another has left */
    :: atomic {
        !over && doing[u] == u_idle && open[u] ->
        doing[u] = u_put;
        CHECK
    }
    /* store/upload.c: check_put - *wait* is an answer, and one asks again */
    :: atomic {
        !over && doing[u] == u_put && !WAIT && (found != 0 || A_NUMBER_IS_FREE) ->
        if
        :: !open[u] -> doing[u] = u_idle
        :: open[u] && found != 0 -> put_known(u)
        :: open[u] && found == 0 ->
            fact_pin_new(u); /* store/upload.c: put_unknown */
            n = 0;
            doing[u] = u_ids
        fi;
        CHECK
    }
    /* a client that believes that all is there asks for nothing */
    :: atomic {
        !over && doing[u] == u_put ->
        doing[u] = u_commit;
        CHECK
    }
    /* store/upload.c: check_ids - the key under which the content goes */
    :: atomic {
        !over && doing[u] == u_ids ->
        if
        :: !open[u] -> doing[u] = u_idle
        :: open[u] && !NAMED_BY_US -> doing[u] = u_put
        :: open[u] && NAMED_BY_US ->
            key[u] = KEY(found - 1) + 1;
#ifdef DAMAGE
            lost[u] = false;
#endif
#ifdef CONFIRM_BEFORE_DURABLE
            if
            :: doing[u] = u_publish
            :: doing[u] = u_confirm
            fi
#else
            doing[u] = u_publish
#endif
        fi;
        CHECK
    }
    /* store/upload.c: check_objects - of a client that brings the content there itself */
    :: atomic {
        !over && doing[u] == u_publish && PRESENT(key[u] - 1) ->
        doing[u] = u_confirm;
        CHECK
    }
#ifdef DIRECTORY
    /* object/directory_stage.c: publish_one - keeps what is there already */
    :: atomic {
        !over && doing[u] == u_publish ->
        objects = BIT(0);
        doing[u] = u_confirm;
        CHECK
    }
#else
    /* object/objects.c: cull__objects_publish - a request */
    :: atomic {
        !over && doing[u] == u_publish && putting[u] == 0 ->
        putting[u] = key[u];
        doing[u] = u_confirm;
        CHECK
    }
#endif
    /* store/upload.c: check_confirm - after the answer: its object is durable, it is LIVE now */
    :: atomic {
        !over && doing[u] == u_confirm && ANSWERED ->
        key[u] = 0;
        if
        :: !open[u] -> doing[u] = u_idle
        :: open[u] && (!NAMED_BY_US || SET_ASIDE(u)) -> doing[u] = u_put
        :: open[u] && NAMED_BY_US && !SET_ASIDE(u) ->
#ifdef DAMAGE
            excused = excused && blob[found - 1] != EXPECTED && !RIGHT(0);
            moved = (at[0] == r_lost || at[1] == r_lost);
#endif
            if
            :: blob[found - 1] == EXPECTED -> blob[found - 1] = LIVE
            :: else
            fi;
            told[u] = true;
            doing[u] = u_commit
        fi;
        CHECK
    }
    /* store/commit.c: check_commit, find_wanted - all LIVE, or refused with the list */
    :: atomic {
        !over && doing[u] == u_commit && ROOM ->
        if
        :: !open[u] ->
#ifdef LEASE_BY_CLOCK /* by the client's clock it is not over */
            commit_version();
#endif
            doing[u] = u_idle
        :: open[u] && MISSING -> doing[u] = u_put
        :: open[u] && !MISSING ->
            fact_end(u);
            commit_version();
            doing[u] = u_idle
        fi;
        CHECK
    }
    /* store/upload.c: check_abort */
    :: atomic {
        !over && doing[u] == u_commit && open[u] ->
        fact_end(u);
        doing[u] = u_idle;
        CHECK
    }
    /* SIGKILL */
    :: atomic {
        !over && doing[u] != u_idle ->
        doing[u] = u_idle;
        key[u] = 0;
        CHECK
    }
    od
}

/* --- who else writes to the log -------------------------------------------------------------- */

proctype others()
{
end:
    do
    /* store/store.c: expire_leases - whoever comes next ends an upload that is past its lease */
    :: atomic { !over && open[0] -> fact_end(0); CHECK }
    :: atomic { !over && open[1] -> fact_end(1); CHECK }
    /* store/delete.c: check_delete */
    :: atomic { !over && version[0] == COMMITTED -> version[0] = DELETED; CHECK }
    /* store/delete.c: check_restore */
    :: atomic { !over && version[0] == DELETED -> version[0] = COMMITTED; CHECK }
#if VERSIONS > 1
    :: atomic { !over && version[1] == COMMITTED -> version[1] = DELETED; CHECK }
    :: atomic { !over && version[1] == DELETED -> version[1] = COMMITTED; CHECK }
#endif
    od
}

/* --- what nobody asked for ----------------------------------------------------------------------- */

#ifdef DAMAGE
proctype nature()
{
end:
    do
    :: atomic {
        !over && !once && found != 0 && blob[found - 1] == LIVE && PRESENT(0) ->
        once = true;
        excused = true;
        if
        :: objects = 0
        :: harmed = true
        fi;
        CHECK
    }
    od
}
#endif

/* --- a bucket: requests arrive when they will -------------------------------------------------- */

#ifdef BUCKET
#ifdef VERSIONED
#define KEYS_IN_USE (objects | deleting | list[0] | list[1] | claimed)
#define A_KEY_IS_FREE (KEYS_IN_USE != ALL_KEYS)
#else
#define A_KEY_IS_FREE true
#endif

inline arrive_put(u) /* object/memory_objects.c: memory_apply_publish */
{
#ifdef VERSIONED
    n = 0; /* the id of a version that nobody knows of is as good as a new one */
    do
    :: (KEYS_IN_USE & BIT(n)) != 0 -> n++
    :: else -> break
    od;
    objects = objects | BIT(n);
    n = 0;
#else
    objects = objects | BIT(putting[u] - 1);
#endif
    putting[u] = 0
}

inline arrive_delete(k) /* object/memory_objects.c: memory_apply_delete */
{
    objects = objects & ~BIT(k);
    asked[0] = asked[0] & ~BIT(k);
    asked[1] = asked[1] & ~BIT(k)
}

#define ARRIVES(k) \
    :: atomic { \
        !over && (deleting & BIT(k)) != 0 -> \
        arrive_delete(k); \
        if \
        :: deleting = deleting & ~BIT(k) \
        :: true /* and once more, later */ \
        fi; \
        CHECK \
    }

proctype network()
{
    byte n;

end:
    do
    :: atomic { !over && putting[0] != 0 && A_KEY_IS_FREE -> arrive_put(0); CHECK }
    :: atomic { !over && putting[1] != 0 && A_KEY_IS_FREE -> arrive_put(1); CHECK }
    ARRIVES(0)
#if KEYS > 1
    ARRIVES(1)
#endif
#if KEYS > 2
    ARRIVES(2)
#endif
    od
}
#endif

/* --- collectors ------------------------------------------------------------------------------ */

/* store/sweep.c: cull__sweep_check_fence */
#if defined(NO_FENCING) || defined(LOCK)
#define OVERTAKEN false
#else
#define OVERTAKEN (newest != c + 1)
#endif
#ifdef NO_DELETE_FENCE
#define DELETE_OVERTAKEN false
#else
#define DELETE_OVERTAKEN OVERTAKEN
#endif

/* What retains a once the planned versions are purged. */
#define KEPT_ONE(v) (version[v] != NONE && (purges[c] & BIT(v)) == 0)
#if VERSIONS == 1
#define KEPT KEPT_ONE(0)
#else
#define KEPT (KEPT_ONE(0) || KEPT_ONE(1))
#endif

/* store/sweep.c: still_dead */
#ifdef PINS_BY_CLOCK /* of uploads whose leases are over by the collector's clock */
#define PLAN_PINNED(n) false
#define UNHELD(n) !(RETAINED && found == (n) + 1)
#else
#define PLAN_PINNED(n) PINNED(n)
#ifdef NO_CLAIM_RECHECK
#define UNHELD(n) true
#else
#define UNHELD(n) !HELD(n)
#endif
#endif

/* store/sweep.c: collect_versions - what the deletes of a claimed blob name */
#ifdef VERSIONED
#define DELETES(n) claimed
#else
#define DELETES(n) BIT(KEY(n))
#endif

#if defined(BUCKET) && !defined(GONE_BEFORE_ANSWER)
#define DELETE_ANSWERED (asked[c] == 0)
#else
#define DELETE_ANSWERED true
#endif

/* store/fsck.c: is_named, check_adopt - a blob has this object, a claimed one too */
#ifdef INCARNATIONS
#define HAS(n, k) (blob[n] != FREE && incarnation[n] == (k))
#if NUMBERS == 2
#define NAMED(k) (HAS(0, k) || HAS(1, k))
#else
#define NAMED(k) (HAS(0, k) || HAS(1, k) || HAS(2, k))
#endif
#define MAY_BE_NAMED(k) ((found != 0 && incarnation[found - 1] == (k)) || (k) == current)
#else
#define NAMED(k) (found != 0)
#define MAY_BE_NAMED(k) (found != 0)
#endif

/* Incarnations that anybody knows of: any other is as good as a new one. */
#ifdef INCARNATIONS
#define BIT_OR_NONE(k) ((k) != 0 -> BIT((k) - 1) : 0)
#define BLOB_BIT(n) (blob[n] != FREE -> BIT(incarnation[n]) : 0)
#if NUMBERS == 2
#define BLOB_BITS (BLOB_BIT(0) | BLOB_BIT(1))
#else
#define BLOB_BITS (BLOB_BIT(0) | BLOB_BIT(1) | BLOB_BIT(2))
#endif
#define INCARNATIONS_IN_USE \
    (objects | deleting | list[0] | list[1] | BLOB_BITS | BIT_OR_NONE(putting[0]) | \
     BIT_OR_NONE(putting[1]) | BIT_OR_NONE(key[0]) | BIT_OR_NONE(key[1]) | \
     BIT_OR_NONE(dead_key[0]) | BIT_OR_NONE(dead_key[1]))
#endif

inline take_lock() /* log/sqlite_lock.c: cull__sqlite_leader */
{
#ifdef LOCK
    leader = c + 1
#else
    skip
#endif
}
#ifdef LOCK
#define LOCK_IS_FREE (leader == 0)
#else
#define LOCK_IS_FREE true
#endif

inline begin_cycle(n) /* store/sweep.c: check_cycle */
{
    newest = c + 1;
#ifdef INCARNATIONS
    n = 0;
    do
    :: (INCARNATIONS_IN_USE & BIT(n)) != 0 -> n++
    :: else -> break
    od;
    current = n;
    n = 0
#endif
}
#ifdef INCARNATIONS
#define A_CYCLE_MAY_BEGIN (INCARNATIONS_IN_USE != ALL_KEYS)
#else
#define A_CYCLE_MAY_BEGIN true
#endif

/* The end of a cycle or of its process: the lock goes, requests do not. After the last word of a
 * cycle there is nothing to see of its end, so it is no step. */
inline die()
{
#ifdef LOCK
    leader = (leader == c + 1 -> 0 : leader);
#endif
#ifdef BUCKET
    asked[c] = 0;
#endif
#ifdef DAMAGE
    moved = moved && at[c] != r_lost;
#endif
    newest = (newest == c + 1 -> 0 : newest);
    list[c] = 0;
    dead_key[c] = 0;
    purges[c] = 0;
    dead[c] = 0;
    number[c] = 0;
    at[c] = c_idle
}

#if defined(VERSIONED) || defined(DELETE_BEFORE_LOG)
#define AFTER_PURGE c_list
#else
#define AFTER_PURGE c_claim
#endif

#if NUMBERS == 1
#define ANY_DELETING (blob[0] == DELETING)
#elif NUMBERS == 2
#define ANY_DELETING (blob[0] == DELETING || blob[1] == DELETING)
#else
#define ANY_DELETING (blob[0] == DELETING || blob[1] == DELETING || blob[2] == DELETING)
#endif

/* That blob is done with, or it is left to a later try. */
inline next()
{
    list[c] = 0;
    number[c] = 0;
    at[c] = c_work
}

/* Those that are due; at some instant none is. */
inline plan_versions()
{
    if
    :: true
    :: DUE(0) -> purges[c] = BIT(0)
#if VERSIONS > 1
    :: DUE(1) -> purges[c] = BIT(1)
    :: DUE(0) && DUE(1) -> purges[c] = BIT(0) | BIT(1)
#endif
    fi
}

inline plan_blobs()
{
    if
    :: found != 0 && CAN_DIE(found - 1) && !KEPT && !PLAN_PINNED(found - 1) ->
        dead[c] = found;
        dead_key[c] = KEY(found - 1) + 1
    :: else
    fi
}

#ifdef NO_PURGE_RECHECK
#define STILL_DUE(v) true
#else
#define STILL_DUE(v) DUE(v)
#endif

inline purge(v)
{
    if
    :: (purges[c] & BIT(v)) != 0 && STILL_DUE(v) ->
        assert(version[v] == DELETED); /* catalog/apply_catalog.c: cull__apply_purge */
        version[v] = NONE
    :: else
    fi
}

proctype collector(byte c)
{
end:
    do
    /* store/plan.c: cull_gc_plan */
    :: atomic {
        !over && at[c] == c_idle ->
        plan_versions();
        plan_blobs();
        at[c] = c_begin;
        CHECK
    }
    /* store/sweep.c: cull_gc_finish - whoever was told to wait; nothing is planned */
    :: atomic {
        !over && at[c] == c_idle ->
        at[c] = c_begin;
        CHECK
    }
    /* store/sweep.c: cull__sweep_begin */
    :: atomic {
        !over && at[c] == c_begin && A_CYCLE_MAY_BEGIN && LOCK_IS_FREE ->
        take_lock();
        begin_cycle(number[c]);
        at[c] = c_work;
        CHECK
    }
#ifndef NO_FINISH
    /* store/sweep.c: cull__sweep_next_unfinished - also one that an earlier try did not delete */
    :: atomic {
        !over && at[c] == c_work && ANY_DELETING ->
        if
        :: blob[0] == DELETING -> number[c] = 0
#if NUMBERS > 1
        :: blob[1] == DELETING -> number[c] = 1
#endif
#if NUMBERS > 2
        :: blob[2] == DELETING -> number[c] = 2
#endif
        fi;
        at[c] = c_collect;
        CHECK
    }
#endif
    /* store/sweep.c: check_purge, recheck_versions */
    :: atomic {
        !over && at[c] == c_work ->
        if
        :: OVERTAKEN || (purges[c] == 0 && dead[c] == 0) -> die()
        :: else ->
            purge(0);
#if VERSIONS > 1
            purge(1);
#endif
            purges[c] = 0;
            at[c] = (dead[c] == 0 -> c_work : AFTER_PURGE)
        fi;
        CHECK
    }
#if defined(VERSIONED) || defined(DELETE_BEFORE_LOG)
    /* store/sweep.c: list_versions */
    :: atomic {
        !over && at[c] == c_list ->
        list[c] = objects;
#ifdef DELETE_BEFORE_LOG
        objects = 0;
#endif
        at[c] = c_claim;
        CHECK
    }
#endif
    /* store/sweep.c: check_claim, still_dead */
    :: atomic {
        !over && at[c] == c_claim ->
        if
        :: !OVERTAKEN && CAN_DIE(dead[c] - 1) && KEY(dead[c] - 1) + 1 == dead_key[c] &&
           UNHELD(dead[c] - 1) ->
            fact_claim(dead[c] - 1, list[c]);
            list[c] = 0;
            number[c] = dead[c] - 1;
            dead[c] = 0;
            dead_key[c] = 0;
            at[c] = c_collect
        :: else -> die() /* overtaken, or rescued */
        fi;
        CHECK
    }
    /* store/sweep.c: collect_versions - in a state where no newer cycle has begun */
    :: atomic {
        !over && at[c] == c_collect ->
        if
        :: DELETE_OVERTAKEN -> die()
        :: else ->
#ifdef VERSION_IDS_AFTER_CLAIM
            at[c] = c_list_late
#else
            list[c] = (blob[number[c]] == FREE -> 0 : DELETES(number[c]));
#ifdef GONE_BEFORE_ANSWER
            at[c] = c_gone
#else
            at[c] = c_delete
#endif
#endif
        fi;
        CHECK
    }
#ifdef VERSION_IDS_AFTER_CLAIM
    :: atomic {
        !over && at[c] == c_list_late ->
        list[c] = objects;
        at[c] = c_delete;
        CHECK
    }
#endif
#ifdef DIRECTORY
    /* object/directory.c: delete_one - done when it returns; or it failed, and DELETING it stays */
    :: atomic {
        !over && at[c] == c_delete ->
        if
        :: objects = objects & ~list[c];
#ifdef DAMAGE
            harmed = harmed && objects != 0;
#endif
#ifdef GONE_BEFORE_ANSWER
            next()
#else
            at[c] = c_gone
#endif
        :: next()
        fi;
        CHECK
    }
#else
    /* store/sweep.c: delete_objects - requests */
    :: atomic {
        !over && at[c] == c_delete ->
        deleting = deleting | list[c];
        asked[c] = list[c];
        list[c] = 0;
        at[c] = c_gone;
        CHECK
    }
    /* store/sweep.c: delete_and_gone - what is not answered is not gone */
    :: atomic {
        !over && at[c] == c_gone && asked[c] != 0 ->
        asked[c] = 0;
        next();
        CHECK
    }
#endif
    /* store/sweep.c: check_gone */
    :: atomic {
        !over && at[c] == c_gone && DELETE_ANSWERED ->
        if
        :: OVERTAKEN -> die()
        :: else ->
            fact_gone(number[c]);
#ifdef GONE_BEFORE_ANSWER
            at[c] = c_delete
#else
            next()
#endif
        fi;
        CHECK
    }
    /* store/fsck.c: visit_object, is_named - an orphan, found under the collector's lock */
    :: atomic {
        !over && at[c] == c_idle && LOCK_IS_FREE ->
        take_lock();
        dead_key[c] = 1;
#ifdef INCARNATIONS
        do
        :: dead_key[c] < KEYS -> dead_key[c]++
        :: break
        od;
#endif
        if
        :: PRESENT(dead_key[c] - 1) && !NAMED(dead_key[c] - 1) ->
#ifdef VERSIONED
            at[c] = f_versions
#else
            at[c] = f_adopt
#endif
        :: else -> die()
        fi;
        CHECK
    }
#ifdef VERSIONED
    /* store/fsck.c: repair_orphan, take_version */
    :: atomic {
        !over && at[c] == f_versions ->
        list[c] = objects;
        at[c] = f_adopt;
        CHECK
    }
#endif
    /* store/fsck.c: check_adopt - by a fact, if still nobody names it */
    :: atomic {
        !over && at[c] == f_adopt && (MAY_BE_NAMED(dead_key[c] - 1) || A_NUMBER_IS_FREE) ->
#ifdef ORPHAN_BY_UNLINK
        objects = 0;
#else
        if
        :: !MAY_BE_NAMED(dead_key[c] - 1) -> fact_adopt(number[c], dead_key[c] - 1, list[c])
        :: else
        fi;
#endif
        die();
        CHECK
    }
#ifdef DAMAGE
    /* store/fsck.c: check_blob, set_aside - under the collector's lock, an object that is not right */
    :: atomic {
        !over && at[c] == c_idle && LOCK_IS_FREE && found != 0 && blob[found - 1] == LIVE &&
            !RIGHT(0) ->
        take_lock();
        at[c] = (PRESENT(0) -> r_aside : r_look);
        CHECK
    }
    /* object/directory.c: directory_quarantine, is_seen - the very file that was looked at */
    :: atomic {
        !over && at[c] == r_aside ->
#ifndef NOT_SET_ASIDE
        objects = 0;
        harmed = false;
#endif
        at[c] = r_look;
        CHECK
    }
    /* store/fsck.c: check_lost - looks once more, at the state that the fact is appended to */
    :: atomic {
        !over && at[c] == r_look ->
        moved = false;
        if
#ifndef NO_SECOND_LOOK
#ifdef NOT_SET_ASIDE
        :: RIGHT(0) -> die()
        :: !RIGHT(0) -> at[c] = r_lost
#else
        :: PRESENT(0) -> die()
        :: !PRESENT(0) -> at[c] = r_lost
#endif
#else
        :: at[c] = r_lost
#endif
        fi;
        CHECK
    }
    /* store/index_state.c: set_states - LOST; who confirmed since has moved the log */
    :: atomic {
        !over && at[c] == r_lost ->
        if
#ifndef NO_SECOND_LOOK
        :: moved -> at[c] = r_look
#endif
#ifdef NO_SECOND_LOOK
        :: true ->
#else
        :: !moved ->
#endif
            assert(excused); /* nobody was told since that it is stored */
#ifndef LOST_STAYS_LIVE
            blob[found - 1] = EXPECTED;
#endif
            lost[0] = (doing[0] == u_publish || doing[0] == u_confirm);
            lost[1] = (doing[1] == u_publish || doing[1] == u_confirm);
            die()
        fi;
        CHECK
    }
#endif
    /* SIGKILL */
    :: atomic {
        !over && at[c] != c_idle ->
        die();
        CHECK
    }
    od
}

/* --- the aftermath ------------------------------------------------------------------------------ */

inline last_delete(n)
{
    objects = objects & ~DELETES(n);
    fact_gone(n)
}

inline last_cycle()
{
#ifndef NO_FINISH
    n = 0;
    do
    :: n < NUMBERS && blob[n] == DELETING -> last_delete(n); n++
    :: n < NUMBERS && blob[n] != DELETING -> n++
    :: else -> break
    od;
#endif
    version[0] = (DUE(0) -> NONE : version[0]);
#if VERSIONS > 1
    version[1] = (DUE(1) -> NONE : version[1]);
#endif
    if
    :: found != 0 && CAN_DIE(found - 1) && !HELD(found - 1) ->
        n = found - 1;
        fact_claim(n, objects);
        last_delete(n)
    :: else
    fi
}

/* An orphan, and the cycle that deletes it. Of the present incarnation it would wait for the next
 * one; there is one left. */
inline last_repair()
{
    k = 0;
    do
    :: k < KEYS && PRESENT(k) && !NAMED(k) ->
        fact_adopt(n, k, objects);
        last_delete(n)
    :: k < KEYS && !(PRESENT(k) && !NAMED(k)) -> k++
    :: else -> break
    od
}

/* What came to harm is set aside, and whoever holds it gets it put again. */
inline last_heal()
{
#ifdef DAMAGE
    if
    :: found != 0 && blob[found - 1] == LIVE && !RIGHT(0) ->
#ifndef NOT_SET_ASIDE
        objects = 0;
        harmed = false;
#endif
#ifndef LOST_STAYS_LIVE
        blob[found - 1] = EXPECTED
#endif
    :: else
    fi;
    if
    :: RETAINED && blob[found - 1] == EXPECTED ->
        objects = BIT(0);
        blob[found - 1] = LIVE
    :: else
    fi;
    excused = false;
    once = false;
    moved = false;
    lost[0] = false;
    lost[1] = false
#else
    skip
#endif
}

inline last_requests()
{
#ifdef BUCKET
    do
    :: putting[0] != 0 -> arrive_put(0)
    :: putting[1] != 0 -> arrive_put(1)
    :: deleting != 0 ->
        k = 0;
        do
        :: (deleting & BIT(k)) == 0 -> k++
        :: else -> break
        od;
        arrive_delete(k);
        deleting = deleting & ~BIT(k)
    :: else -> break
    od
#else
    skip
#endif
}

/* Everybody dies where he stands, all that is on its way arrives, leases are over; then one
 * collector works alone: a cycle, fsck --repair, a cycle. */
proctype aftermath()
{
    byte n, k;

    atomic {
        over = true;
        list[0] = 0;
        list[1] = 0;
        fact_end(0);
        fact_end(1);
        last_requests();
        last_cycle();
        last_repair();
        last_heal();
        CHECK;
        if
        :: RETAINED ->
            assert(blob[found - 1] == LIVE);
#ifdef INCARNATIONS
            assert(objects == BIT(incarnation[found - 1]));
            incarnation[found - 1] = 0;
#endif
            blob[found - 1] = FREE
        :: else -> assert(objects == 0 && found == 0)
        fi;
        assert(blob[0] == FREE);
#if NUMBERS > 1
        assert(blob[1] == FREE);
#endif
#if NUMBERS > 2
        assert(blob[2] == FREE);
#endif
        /* all ends are one, and nothing follows */
        version[0] = NONE;
#if VERSIONS > 1
        version[1] = NONE;
#endif
#ifdef LOCK
        leader = 0;
#endif
#ifdef BUCKET
        asked[0] = 0;
        asked[1] = 0;
#endif
#ifdef INCARNATIONS
        current = 0;
#endif
        found = 0; objects = 0; newest = 0; n = 0; k = 0;
        doing[0] = u_idle; doing[1] = u_idle; key[0] = 0; key[1] = 0;
        at[0] = c_idle; at[1] = c_idle; purges[0] = 0; purges[1] = 0; dead[0] = 0; dead[1] = 0;
        dead_key[0] = 0; dead_key[1] = 0; number[0] = 0; number[1] = 0
    }
}

init {
    atomic {
        if /* a new store, or one that holds a version */
        :: true
        :: true ->
            version[0] = COMMITTED;
            blob[0] = LIVE;
            found = 1;
            objects = BIT(0)
        fi;
        run uploader(0);
#if UPLOADERS > 1
        run uploader(1);
#endif
        run collector(0);
#if COLLECTORS > 1
        run collector(1);
#endif
        run others();
#ifdef DAMAGE
        run nature();
#endif
#ifdef BUCKET
        run network();
#endif
        run aftermath()
    }
}
