/*
 * reached.h - what a crowd's histories come to. A generator that avoids a situation hides the bugs
 * in it, so a run of many seeds fails if one of these stays at zero.
 */
#ifndef SIM_REACHED_H
#define SIM_REACHED_H

#define CAME_TO(X)                                                            \
    X(COMMITS, "commits")                                                     \
    X(PATCHES, "commits of a patch")                                          \
    X(OLDER_BASE, "commits on an older base")                                 \
    X(EQUAL, "commits of an equal manifest")                                  \
    X(NOT_STORED, "commits refused: blobs missing")                           \
    X(LATE_COMMITS, "commits refused: too late, with the list")               \
    X(SENT_AGAIN, "uploads begun again after that")                           \
    X(TORN_COMMITS, "commits that failed before the log")                     \
    X(LOST_COMMITS, "commits done whose answer was lost")                     \
    X(PUT_STORED, "puts answered stored")                                     \
    X(PUT_SEND, "puts answered send")                                         \
    X(WAITS, "puts answered wait")                                            \
    X(EXPECTED_TWICE, "puts of a blob that another upload only expects")      \
    X(RESCUES, "dead blobs named again")                                      \
    X(CONFIRMED, "blobs published by hand and confirmed")                     \
    X(STAGED_AHEAD, "contents staged before they are sent")                   \
    X(EXPIRIES, "leases expired")                                             \
    X(RENEWALS, "leases renewed")                                             \
    X(ABORTS, "uploads aborted")                                              \
    X(ATTACHED, "uploads continued by another handle")                        \
    X(ATTACHED_LATE, "uploads that had ended when they were to be continued") \
    X(LOST_OPENS, "uploads opened whose answer was lost")                     \
    X(DELETES, "versions soft-deleted")                                       \
    X(SELECTED, "deletes by selection")                                       \
    X(SELECTED_AGAIN, "selections decided again where the log had moved")     \
    X(CASCADES, "cascades")                                                   \
    X(CASCADE_ABORTS, "uploads ended by a cascade")                           \
    X(RESTORES, "versions restored")                                          \
    X(REVIVALS, "collections brought back")                                   \
    X(TAKEN_NAMES, "restores refused: name taken")                            \
    X(TTL_EXPIRIES, "versions expired by TTL")                                \
    X(DEFAULT_EXPIRIES, "versions expired by their entity's default")         \
    X(LINKS, "versions linked")                                               \
    X(UNLINKS, "links taken away")                                            \
    X(LOST_LINKS, "links lost with their sources")                            \
    X(REGAINED_LINKS, "links that came back with their sources")              \
    X(LINK_ALIASES, "aliases of links set or moved")                          \
    X(PROTECTIONS, "aliases declared protected")                              \
    X(PROTECTED, "deletes refused: protected")                                \
    X(SKIPPED, "deletes that skipped what is protected")                      \
    X(ROLES, "roles given or taken")                                          \
    X(DENIED, "requests refused for want of a role")                          \
    X(TTLS, "times to live set")                                              \
    X(REGISTRIES, "portfolios and registries deleted")                        \
    X(PLANS, "plans")                                                         \
    X(FULL_PLANS, "plans fully verified")                                     \
    X(STALE_PLANS, "plans executed after the log moved on")                   \
    X(REFUSED_EMPTY, "cycles refused: nothing would be left")                 \
    X(LIMITED, "cycles stopped at a limit")                                   \
    X(PURGES, "versions purged")                                              \
    X(PURGED_HEADS, "heads purged")                                           \
    X(PURGED_TOGETHER, "neighbours purged together")                          \
    X(KEPT_BASES, "due versions kept as a base")                              \
    X(RESTORED_AFTER_PLAN, "planned versions restored before the purge")      \
    X(CLAIMS, "blobs claimed")                                                \
    X(RESCUED_AT_CLAIM, "planned blobs rescued before the claim")             \
    X(CLAIMED_UNSENT, "blobs claimed that were never sent")                   \
    X(SEVERAL_VERSIONS, "blobs claimed with several object versions")         \
    X(INCARNATIONS, "new incarnations beside a DELETING blob")                \
    X(GONE, "blobs gone")                                                     \
    X(RESUMED, "deletions finished by a later cycle")                         \
    X(FINISHED, "deletions finished by who met a wait")                       \
    X(BUSY_COLLECTOR, "collectors that found the lock taken")                 \
    X(TAKEN_OVER, "collectors that lost the lock")                            \
    X(FENCED, "collectors fenced")                                            \
    X(KILLED, "processes killed")                                             \
    X(KILLED_INSIDE, "processes killed inside a call")                        \
    X(KILLED_COLLECTORS, "processes killed inside a cycle")                   \
    X(MOVED, "appends that found the log moved")                              \
    X(BUSY_LOG, "requests that lost eight turns")                             \
    X(PAUSED, "calls that were paused inside")                                \
    X(PAUSED_TWICE, "calls paused inside while another was")                  \
    X(APPEND_FAILED, "appends that failed")                                   \
    X(APPEND_LOST, "appends done whose answer was lost")                      \
    X(PUBLISH_FAILED, "publishes that failed")                                \
    X(PUBLISH_LOST, "publishes done whose answer was lost")                   \
    X(DELETE_FAILED, "object deletes that failed")                            \
    X(DELETE_LOST, "object deletes done whose answer was lost")               \
    X(LATE_PUBLISHES, "publishes that arrived when nobody waited")            \
    X(LATE_DELETES, "object deletes that arrived late and hit nothing")       \
    X(LATE_HITS, "object deletes that arrived late and hit what they meant")  \
    X(SECOND_ARRIVALS, "requests that arrived twice")                         \
    X(NEVER_ARRIVED, "requests that never arrived")                           \
    X(STRAYS, "objects that nobody asked for")                                \
    X(YOUNG_ORPHANS, "orphans kept while they are young")                     \
    X(ADOPTED, "orphans adopted by a repair")                                 \
    X(DAMAGED, "objects damaged behind everybody's back")                     \
    X(SET_ASIDE, "damaged blobs set aside by a repair")                       \
    X(HEALED, "damaged blobs sent again")                                     \
    X(CHECKPOINTS, "checkpoints written")                                     \
    X(TORN_CHECKPOINTS, "checkpoints half written")                           \
    X(DAMAGED_CHECKPOINTS, "checkpoints damaged")                             \
    X(CUTS, "log cuts")                                                       \
    X(CUT_OFF, "processes that the log was cut under")                        \
    X(FROM_LOG, "handles opened from the log")                                \
    X(FROM_CHECKPOINT, "handles opened from a checkpoint")                    \
    X(DAYS, "clocks that jumped by days")                                     \
    X(SKEWED, "requests with a clock that lags or is ahead")                  \
    X(SUSPENSIONS, "times that versioning was suspended")                     \
    X(REFUSED_SUSPENDED, "cycles refused: versioning suspended")

enum came {
#define X(id, text) CAME_##id,
    CAME_TO(X)
#undef X
        CAME_COUNT
};

#endif
