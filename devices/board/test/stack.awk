# The deepest stack of the library's calls in bytes, from gcc's -fcallgraph-info=su. What the caller's own callbacks use is
# not in it, but that they may call publish or restart is. `line` and the sources may not call anything of ours.
function name(text) {
  sub(/^.*title: "|^.*sourcename: "/, "", text)
  sub(/".*$/, "", text)
  return text
}
function deepest(at,    best, part, callees, count, i) {
  if (at in depth) return depth[at]
  depth[at] = 0
  best = 0
  count = split(calls[at], callees, " ")
  for (i = 1; i <= count; i++) {
    part = deepest(callees[i])
    if (part > best) best = part
  }
  return depth[at] = own[at] + best
}
/^node: / {
  at = name($0)
  if (match($0, /[0-9]+ bytes \(/)) own[at] = substr($0, RSTART, RLENGTH) + 0
}
/^edge: / {
  at = name($0)
  to = $0
  sub(/^.*targetname: "/, "", to)
  sub(/".*$/, "", to)
  if (to == "__indirect_call") {
    # Who is behind a pointer: of the link, the client; of the client, whoever uses it.
    to = "user"
    if (at ~ /give_up$/) to = "src/hw_mqtt.c:down"
    else if (at ~ /say$|say_hello$/) to = "src/hw_mqtt.c:write"
    else if (at ~ /hw_link/) to = "src/hw_mqtt.c:receive src/hw_mqtt.c:up src/hw_mqtt.c:down"
    else if (at ~ /:down$|:write$|:make$/) to = ""
  }
  calls[at] = calls[at] " " to
}
END {
  calls["user"] = "hw_mqtt_connect hw_mqtt_subscribe hw_mqtt_publish hw_mqtt_publish_from hw_mqtt_restart"
  best = 0
  count = split("hw_mqtt_start hw_mqtt_take hw_mqtt_tick " calls["user"], entries, " ")
  for (i = 1; i <= count; i++) if (deepest(entries[i]) > best) best = deepest(entries[i])
  print best
}
