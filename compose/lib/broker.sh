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
            --controller-port "$(phi_port controller)" --sasl-port "$(phi_port broker.sasl)"
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

# With --acls every program is a user of the bus, with its rights of acls.txt and no others; the province is one user on
# the platform bus. Passwords are made once, each lies beside the keys of who has it.
phi_bus_users() {
    local name users=$PHI_RUN/keys/.bus-users
    [ "$(phi_get acls)" = yes ] || return 0
    (
        umask 077
        : > "$users"
        for name in $(phi_service_names); do
            phi_bus_password "$PHI_RUN/keys/$name/bus-password"
            phi_bus_password "$PHI_RUN/keys/.province-bus-password"
            cp "$PHI_RUN/keys/.province-bus-password" "$PHI_RUN/keys/$name/platform-bus-password"
            printf '%s.%s %s\n' "$(phi_service_field "$name" 2)" "$name" "$(cat "$PHI_RUN/keys/$name/bus-password")" >> "$users"
        done
        printf 'province-%s %s\n' "$PHI_PROVINCE" "$(cat "$PHI_RUN/keys/.province-bus-password")" >> "$users"
    )
    "$PHI_COMPOSE/kafka/access" --broker "$(phi_bus_address)" --regions "$(phi_get regions "$PHI_PROVINCE")" \
        --users "$users"
}

phi_bus_password() {
    [ -s "$1" ] || head -c 24 /dev/urandom | base64 | tr '+/' '-_' > "$1"
}

# phi_bus_environment NAME: how the program reaches its buses.
phi_bus_environment() {
    local name=$1 region address folder=$PHI_RUN/keys/$1
    region=$(phi_service_field "$name" 2)
    if [ "$(phi_get acls)" != yes ]; then
        printf 'PHI_BUS=%s\nPHI_PLATFORM_BUS=%s\n' "$(phi_bus_address)" "$(phi_bus_address)"
        return 0
    fi
    address=127.0.0.1:$(phi_port broker.sasl)
    printf 'PHI_BUS=%s\nPHI_BUS_USER=%s\nPHI_BUS_PASSWORD_FILE=%s\n' "$address" "$region.$name" "$folder/bus-password"
    printf 'PHI_PLATFORM_BUS=%s\n' "$address"
    if [ "$name" = svc-platform ]; then
        printf 'PHI_PLATFORM_BUS_USER=%s\nPHI_PLATFORM_BUS_PASSWORD_FILE=%s\n' "$region.$name" "$folder/bus-password"
    else
        printf 'PHI_PLATFORM_BUS_USER=%s\nPHI_PLATFORM_BUS_PASSWORD_FILE=%s\n' "province-$region" \
            "$folder/platform-bus-password"
    fi
}

phi_broker_stop() {
    phi_stop broker 40
}
