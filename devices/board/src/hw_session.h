/**
 * A client's session with the gateway: login or pairing, and what is said and heard in it. For hw_client.c and its
 * parts.
 */
#ifndef HW_SESSION_H
#define HW_SESSION_H

#include "hw_client.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Where a session stands. */
typedef enum {
  /** No session of the link. */
  HW_SESSION_DOWN,
  /** The link is up; CONNECT waits, as the last login was refused. */
  HW_SESSION_PAUSED,
  HW_SESSION_CONNECTING,
  HW_SESSION_SUBSCRIBING,
  /** A challenge is asked for. */
  HW_SESSION_ASKING,
  /** The token is on its way; the terms are its answer. */
  HW_SESSION_LOGGING_IN,
  /** Logged in: commands may be said once there are terms. */
  HW_SESSION_OPEN,
  /** The gateway knows the board and may hand it a pairing file. */
  HW_SESSION_PAIRING,
  /** The file is here, and the proof on its way. */
  HW_SESSION_PROVING
} hw_session_state;

/** Fills in what MQTT calls. */
void hw_session_begin(hw_client *client);

/** Takes the file that is in the store; false when it is not for this wallet. */
bool hw_session_take_file(hw_client *client, const char *text, size_t length);

/**
 * What is due by now: CONNECT after a pause, the end of a session that gets nowhere. Milliseconds until there is more.
 */
uint32_t hw_session_tick(hw_client *client);

/** Says what is due, if the way is free: money first. */
void hw_session_speak(hw_client *client);

/** Begins to write a message. */
hw_text hw_session_text(hw_client *client);

/** Says what was written, on the topic of this last level, sealed where the session is; false when it did not fit. */
bool hw_session_say(hw_client *client, const char *level, const hw_text *text);

/** Says a payload of `length` bytes that `source` makes, its seal included where there is one. */
bool hw_session_say_from(hw_client *client, const char *level, hw_mqtt_source source, uint32_t length);

/** The terms of this login are here: it has succeeded. */
void hw_session_welcomed(hw_client *client);

/** The gateway has refused the login. */
void hw_session_turned_away(hw_client *client);

/** Saves the count of boots, and whether the file is confirmed; false when the store did not take it. */
bool hw_session_save_boot(hw_client *client);

/** A line for the console. */
void hw_session_log(const hw_client *client, const char *line);

#ifdef __cplusplus
}
#endif

#endif
