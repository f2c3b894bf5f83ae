# The broker: the embedded one for a first look, or a real Kafka of one node.
# shellcheck shell=bash

# The embedded broker takes a port itself and writes its address into a file.
phi_bus_address() {
    if [ "$(phi_get broker embedded)" = embedded ]; then
        cat "${PHI_HOST_RUN:-$PHI_RUN}/broker/address" 2>/dev/null
    else
        printf '127.0.0.1:%s\n' "$(phi_port broker)"
    fi
}

phi_broker_answers() {
    local address
    address=$(phi_bus_address)
    [ -n "$address" ] && kcat -b "$address" -L -m 2
}

# name:partitions,… as phi-broker takes it.
phi_topic_list() {
    "$PHI_COMPOSE/kafka/topics" --regions "$(phi_get regions "$PHI_PROVINCE")" --file "$PHI_COMPOSE/topics.txt" --list |
        awk '{printf "%s%s:%s", (NR > 1 ? "," : ""), $1, $2}'
}

phi_broker_start() {
    phi_is_running broker && return 0
    case $(phi_get broker embedded) in
    embedded)
        rm -f "$PHI_RUN/broker/address"
        phi_spawn broker "$PHI_BIN/phi-broker" --state "$PHI_RUN/broker/address" --topics "$(phi_topic_list)"
        ;;
    kafka)
        phi_spawn broker "$PHI_COMPOSE/kafka/start" --dir "$PHI_RUN/broker" --port "$(phi_port broker)" \
            --controller-port "$(phi_port controller)"
        ;;
    esac
    phi_wait_ready broker 120 phi_broker_answers
}

# The embedded broker makes its topics itself, from the same list, for every region that the state names.
phi_broker_topics() {
    [ "$(phi_get broker embedded)" = kafka ] || return 0
    "$PHI_COMPOSE/kafka/topics" --broker "$(phi_bus_address)" --regions "$PHI_PROVINCE" \
        --file "$PHI_COMPOSE/topics.txt"
}

phi_broker_stop() {
    phi_stop broker 40
}
