/*
 * witness.h - the oracle of a crowd: it reads every batch that is appended to the log, with code of
 * its own, and judges it.
 *
 * It stands where the log takes a batch, so it knows what happened also when the answer was lost or
 * the process that asked is dead. A version is the letters that somebody meant it to hold; what a
 * blob is held by is counted from these and from open uploads' pins. No code of the library's.
 */
#ifndef SIM_WITNESS_H
#define SIM_WITNESS_H

#include "cull/store.h"
#include "reached.h"

#define WITNESS_LETTERS 8 /* contents there are */
#define WITNESS_PATHS 3
#define WITNESS_CONTENT_MAX 32
#define WITNESS_BLOBS_MAX 192
#define WITNESS_VERSIONS_MAX 16 /* object versions of a claimed blob */
#define WITNESS_NUMBERS_MAX 256
#define WITNESS_NONE UINT32_MAX

enum witness_state { WITNESS_FREE, WITNESS_EXPECTED, WITNESS_LIVE, WITNESS_DELETING };

struct witness_blob {
    enum witness_state state;
    uint8_t letter;
    uint32_t incarnation;
    uint32_t refs;                           /* retained versions that hold it */
    uint32_t pins;                           /* open uploads */
    uint64_t versions[WITNESS_VERSIONS_MAX]; /* DELETING: that the claim named */
    uint16_t answered;                       /* a bit for each: the object store said it is gone */
    uint8_t version_count;
    bool damaged; /* its object came to harm, and is not right again */
    bool lost;    /* a repair has said so, and nobody has confirmed it since */
    bool brought; /* but its content was published since */
};

struct witness_version {
    cull_version_state state;
    int8_t letters[WITNESS_PATHS]; /* -1: nothing at that path */
    uint32_t numbers[WITNESS_PATHS];
    uint64_t upload; /* that made it */
    uint64_t created_ms;
    uint64_t ttl_ms;
    uint64_t deleted_ms;
    uint64_t kept_until_ms;
    uint64_t planned; /* seq of the last plan that would purge it; 0 */
};

struct witness_collection {
    uint64_t id;
    unsigned name;
    bool deleted;
    struct witness_version *versions; /* by ordinal */
    size_t count;
    size_t capacity;
};

struct witness_upload { /* an open one */
    uint64_t id;
    size_t collection;
    uint32_t base; /* an ordinal, or WITNESS_NONE */
    uint64_t lease_ms;
    uint64_t until_ms;
    uint32_t pins[WITNESS_LETTERS]; /* the number that it pins, or WITNESS_NONE */
    unsigned told;                  /* letters that it was told are stored, as bits */
    bool intends;                   /* to become this: */
    int8_t letters[WITNESS_PATHS];
    uint64_t ttl_ms;
};

/* --- roles, links, times to live ---------------------------------------------------------------- */

#define WITNESS_LINKS_MAX 128
#define WITNESS_PORTFOLIOS_MAX 8
#define WITNESS_LABELS 4 /* aliases that links have; the first is latest */
#define WITNESS_ACTORS 5

struct witness_link {
    bool there;
    bool lost; /* its source is soft-deleted */
    size_t portfolio;
    uint32_t ordinal;
    cull_version_key source;
    unsigned aliases; /* labels, as bits */
    unsigned had;     /* that it lost with its source */
};

struct witness_portfolio {
    uint64_t id; /* 0: none */
    uint32_t ordinals;
};

/* Of the one entity and the one registry that there are. */
struct witness_rules {
    uint64_t entity;
    uint64_t registry;   /* 0: none */
    unsigned guarded;    /* protected aliases, as bits */
    uint64_t default_ms; /* 0: none */
    uint32_t roles[WITNESS_ACTORS];
    uint32_t registry_roles[WITNESS_ACTORS];
    struct witness_portfolio portfolios[WITNESS_PORTFOLIOS_MAX];
    struct witness_link links[WITNESS_LINKS_MAX];
    size_t link_limit; /* rows ever used */
};

struct witness_claim {
    uint8_t letter;
    uint32_t incarnation;
    uint64_t version;
};

/* What the call that appends was asked for. */
struct witness_call {
    uint64_t now_ms; /* of its process */
    unsigned actor;  /* number of who asks */
    uint64_t abort;  /* the upload that it aborts; 0 */
    bool shorter;    /* purges after shorter_ms */
    uint64_t shorter_ms;
    bool collects; /* may append a cycle's facts */
    bool repairs;  /* may adopt and set aside */
    bool paused;   /* others came between what it saw and what it appends */
};

/* The world around it. */
struct witness_settings {
    cull_digest_kind digest;
    cull_late_deletes late;
    uint64_t grace_ms;
    uint64_t lease_ms;
    const cull_digest *digests; /* of the letters */
    const uint64_t *sizes;
    const uint8_t (*contents)[WITNESS_CONTENT_MAX];
    const char *const *names; /* of collections */
    unsigned name_count;
    const char *(*actor)(unsigned number);
    cull_objects *objects; /* looked into, never changed */
    uint64_t *reached;
};

/* --- reading (witness_read.c) ------------------------------------------------------------------ */

struct witness_fact_blob {
    uint32_t number;
    uint32_t incarnation;
    uint64_t size_bytes;
    cull_digest digest;
};

struct witness_fact {
    unsigned type;
    uint64_t id, parent, run, until_ms;
    uint64_t source;
    uint32_t ordinal, how, source_ordinal;
    const char *name; /* not terminated */
    size_t name_len;
    uint32_t numbers[WITNESS_NUMBERS_MAX];
    size_t number_count;
    uint32_t opened[WITNESS_NUMBERS_MAX];
    size_t opened_count;
    struct witness_fact_blob blobs[WITNESS_LETTERS];
    size_t blob_count;
    struct {
        uint32_t number;
        uint64_t version;
    } versions[WITNESS_NUMBERS_MAX];
    size_t version_count;
    struct {
        uint64_t collection;
        uint32_t ordinal;
        uint64_t entries, blobs, size_bytes, ttl_ms;
    } commit;
};

struct witness {
    struct witness_settings settings;
    struct witness_blob blobs[WITNESS_BLOBS_MAX];
    uint32_t blob_limit;               /* numbers ever given are below it */
    uint32_t current[WITNESS_LETTERS]; /* the blob that a letter's digest means; WITNESS_NONE */
    struct witness_collection *collections;
    size_t collection_count;
    size_t collection_capacity;
    struct witness_upload *uploads;
    size_t upload_count;
    size_t upload_capacity;
    uint64_t seq;
    uint64_t clock_ms;
    uint64_t cycles;
    uint64_t cycle_seq;           /* where the last one began */
    struct witness_claim *claims; /* all object versions ever claimed */
    size_t claim_count;
    size_t claim_capacity;
    struct witness_rules rules;
    struct witness_fact fact; /* being judged */
    char broken[512];         /* the first violation; "" while there is none */
};

void witness_init(struct witness *witness, const struct witness_settings *settings);
void witness_release(struct witness *witness);
void witness_break(struct witness *witness, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A batch was appended, by a call. */
void witness_append(struct witness *witness, const void *data, size_t len, uint32_t fact_count,
                    const struct witness_call *call);
/* Invariants 1 and 2: what retained versions hold, and what open uploads were told is stored, is
 * in the object store now. */
void witness_check(struct witness *witness);
/* A delete of an object version is about to be sent: DELETING is in the log already. */
void witness_sends_delete(struct witness *witness, unsigned letter, uint32_t incarnation,
                          uint64_t version);
/* The object store has said that it is gone. */
void witness_answered(struct witness *witness, unsigned letter, uint32_t incarnation,
                      uint64_t version);

/* Looking. */
unsigned witness_letter(const struct witness *witness, const cull_digest *digest); /* or LETTERS */
struct witness_upload *witness_upload(const struct witness *witness,
                                      uint64_t id); /* open, or NULL */
struct witness_collection *witness_by_id(const struct witness *witness, uint64_t id);
struct witness_collection *witness_named(const struct witness *witness, unsigned name); /* live */
struct witness_version *witness_at(const struct witness *witness, const cull_version_key *key);
enum witness_state witness_letter_state(const struct witness *witness, unsigned letter);
/* Letters that a version holds, as bits. */
unsigned witness_letters(const int8_t letters[WITNESS_PATHS]);
bool witness_there(const struct witness *witness, unsigned letter, uint32_t incarnation);
/* Open uploads whose base this is, and whose lease goes beyond an instant. */
uint32_t witness_base_pins(const struct witness *witness, const struct witness_collection *in,
                           size_t ordinal, uint64_t now_ms);

/* What a cycle at an instant would do, by looking at everything. */
struct witness_plan {
    uint64_t now_ms;
    size_t versions; /* that are purged */
    size_t expired;
    uint64_t bytes;
    size_t blob_count;
    uint32_t blobs[WITNESS_BLOBS_MAX]; /* numbers */
    size_t unfinished;
    size_t kept; /* retained versions that stay */
};
void witness_plan(struct witness *witness, uint64_t now_ms, bool shorter, uint64_t shorter_ms,
                  struct witness_plan *out);
/* Is a version among those that such a plan purges, or expires? */
bool witness_purges(const struct witness *witness, const struct witness_collection *in,
                    size_t ordinal, uint64_t now_ms, bool shorter, uint64_t shorter_ms);
bool witness_expires(const struct witness *witness, const struct witness_version *version,
                     uint64_t now_ms);

/* --- rules (witness_rules.c) --------------------------------------------------------------------- */

extern const char *const witness_labels[WITNESS_LABELS];

/* A fact of roles, links or times to live; others are passed over. */
void witness_rules_fact(struct witness *witness, const struct witness_fact *fact,
                        const struct witness_call *call);
/* A version is soft-deleted, comes back, is purged. Invariant 3: a protected one is not deleted. */
void witness_rules_lose(struct witness *witness, const cull_version_key *key);
void witness_rules_regain(struct witness *witness, const cull_version_key *key);
void witness_rules_purge(struct witness *witness, const cull_version_key *key);
/* The role in force: in the entity, or in the registry. */
uint32_t witness_role(const struct witness *witness, unsigned actor, bool in_registry);
bool witness_protected(const struct witness *witness, const cull_version_key *key);
bool witness_linked(const struct witness *witness, const cull_version_key *key);
uint64_t witness_ttl(const struct witness *witness, const struct witness_version *version);

/* --- damage (witness_damage.c) ------------------------------------------------------------------ */

/* A blob's object came to harm. */
void witness_damage(struct witness *witness, uint32_t number);
/* What is right again, or gone, is not damaged any more. */
void witness_damage_look(struct witness *witness);
/* A blob is called lost; a blob is called stored. */
void witness_damage_lost(struct witness *witness, uint32_t number, const struct witness_call *call);
void witness_damage_brought(struct witness *witness, unsigned letter, uint32_t incarnation);
void witness_damage_stored(struct witness *witness, struct witness_blob *blob);
/* May its object be missing? */
bool witness_damage_excuses(const struct witness_blob *blob);
/* Letters that a retained version lacks since a repair set them aside, as bits. */
unsigned witness_damage_held(const struct witness *witness);
/* Letters of damaged blobs that a look at the objects shows, or at all their bytes. */
unsigned witness_damage_seen(struct witness *witness, bool read_data);

/* witness_read.c: take the next fact; false: it cannot be read. */
bool witness_read(const uint8_t **at, const uint8_t *end, size_t digest_len,
                  struct witness_fact *out);

#endif
