/** A client's bytes: those that the gateway asks for, and the output that it pulls. For hw_client.c and its parts. */
#ifndef HW_BLOBS_H
#define HW_BLOBS_H

#include "hw_client.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Milliseconds without a chunk after which it is asked for again. */
#define HW_BLOBS_QUIET_MS 10000u

/** The gateway asks for bytes: they are said when it is their turn. */
void hw_blobs_asked(hw_client *client, const hw_blob_get *get);

/** A chunk of the output has come; its bytes are in `output_chunk`. */
void hw_blobs_heard(hw_client *client, const hw_blob_data *chunk);

/** The gateway does not give what was asked for. */
void hw_blobs_refused(hw_client *client);

/** Begins to pull an output. */
void hw_blobs_pull(hw_client *client, const uint8_t hash[32], uint32_t total);

/** Says a chunk, or asks for one, if that is due and the way is free. True when something was said. */
bool hw_blobs_say(hw_client *client);

/** What the gateway has asked for and was not given yet is not given any more. */
void hw_blobs_forget(hw_client *client);

/** The session is over: nothing is asked for any more, and the output is asked for again. */
void hw_blobs_down(hw_client *client);

/** Asks again for what did not come. Milliseconds until there is more to do. */
uint32_t hw_blobs_tick(hw_client *client);

#ifdef __cplusplus
}
#endif

#endif
