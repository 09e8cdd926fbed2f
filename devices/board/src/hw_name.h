/** What a client goes by: its topics, and its names in CONNECT. For hw_session.c. */
#ifndef HW_NAME_H
#define HW_NAME_H

#include "hw_client.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Bytes of the longest last level of a topic, its terminating zero included. */
#define HW_LEVEL_SIZE 16

/** Whether a manufacturer and serial number fit the topics that MQTT hands over. */
bool hw_name_is_short(const char *manufacturer, const char *serial_number);

/** The whole topic of a last level, in `topic`. */
const char *hw_name_topic(hw_client *client, const char *level);

/** The last level of a topic of ours, or "" where it is none. */
void hw_name_level(char level[HW_LEVEL_SIZE], const char *topic, size_t length);

/** Writes the client id and the username of the next CONNECT. */
void hw_name_connection(hw_client *client);

#ifdef __cplusplus
}
#endif

#endif
