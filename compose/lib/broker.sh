# The broker: the embedded one for a first look, or a real Kafka of one node.
# shellcheck shell=bash

phi_bus_address() {
    printf '127.0.0.1:%s\n' "$(phi_port broker)"
}

phi_broker_answers() {
    kcat -b "$(phi_bus_address)" -L -m 2
}

# Started before: what it held is gone with it when it is the embedded one.
phi_broker_start() {
    phi_is_running broker && return 0
    case $(phi_get broker embedded) in
    embedded)
        phi_spawn broker "$PHI_BIN/phi-broker" --port "$(phi_port broker)" \
            --topics "$PHI_COMPOSE/topics.txt" --regions "$PHI_PROVINCE"
        ;;
    kafka)
        phi_spawn broker "$PHI_COMPOSE/kafka/start" --dir "$PHI_RUN/broker" --port "$(phi_port broker)" \
            --controller-port "$(phi_port controller)"
        ;;
    esac
    phi_wait_ready broker 60 phi_broker_answers
}

# The embedded broker makes its topics itself, from the same list.
phi_broker_topics() {
    [ "$(phi_get broker embedded)" = kafka ] || return 0
    "$PHI_COMPOSE/kafka/topics" --broker "$(phi_bus_address)" --regions "$PHI_PROVINCE" \
        --file "$PHI_COMPOSE/topics.txt"
}

phi_broker_stop() {
    phi_stop broker 40
}
