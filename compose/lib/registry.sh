# Who may call: the records of access.registry and the trust list, written with phictl.
# shellcheck shell=bash

# The member of staff who decides disputes in the main job; the development provider says so.
PHI_OFFICER=officer-1
# Two who together may look at a consent record: account and unit.
PHI_AUDITORS=(auditor-1:audit-320100 auditor-2:court-320100)
# Of another unit: the second pair of eyes.
PHI_SECOND_OFFICER=officer-2

phi_app_rows() {
    sed "/^#/d; s/320000/$PHI_PROVINCE/g" "$PHI_COMPOSE/apps.txt"
}

# Every kind of data source that an institution reports, with commas between.
phi_source_kinds() {
    sed -n 's/^phi\.{region}\.source\.\([^ ]*\).*/\1/p' "$PHI_COMPOSE/topics.txt" | paste -sd,
}

# The app's key, unless its public half is there already (tests bring their own).
phi_app_key() {
    local app=$1 folder=$PHI_RUN/keys/apps/$1
    [ ! -s "$folder/public.pem" ] || return 0
    mkdir -p -m 0711 "$PHI_RUN/keys/apps"
    phi_key_folder "$folder"
    "$PHI_BIN/phictl" key new --use app --out "$folder/app.key" --password-file "$folder/password" > /dev/null
    "$PHI_BIN/phictl" key public --in "$folder/app.key" --password-file "$folder/password" \
        --out "$folder/public.pem" > /dev/null
}

# phi_registry_put REGION WHAT ARGUMENTS…: one signed record on phi.<region>.access.registry. A broker that has only
# just made the topic may need a moment more than phictl waits for it.
phi_registry_put() {
    local region=$1 what=$2 tries
    shift 2
    for tries in 1 2 3; do
        "$PHI_BIN/phictl" "$what" add --region "$region" --bus "$(phi_bus_address)" \
            --key "$PHI_RUN/keys/operator/access.key" --password-file "$PHI_RUN/keys/operator/password" "$@" \
            >> "$PHI_RUN/log/registry.log" 2>&1 && return 0
        tail -n 1 "$PHI_RUN/log/registry.log" | grep -q 'not published' || break
    done
    phi_tail registry
    phi_fail "phictl $what add was refused"
}

phi_registry_write() {
    local region app roles scopes sources institution peer auditor
    : > "$PHI_RUN/log/registry.log"
    for region in $PHI_PROVINCE $([ -n "$PHI_HOST_RUN" ] || echo $PHI_NATION); do
        while read -r app roles scopes sources institution; do
            phi_app_key "$app"
            local given=()
            [ "$scopes" = - ] || given+=(--scopes "$scopes")
            [ "$sources" = - ] || given+=(--sources "$sources")
            [ "$institution" = - ] || given+=(--institution "$institution")
            phi_registry_put "$region" app --app "$app" --name "$app" --client-id "$app" \
                --public "$PHI_RUN/keys/apps/$app/public.pem" --roles "$roles" "${given[@]}"
        done < <(phi_app_rows)
        phi_registry_put "$region" provider --issuer "$(phi_issuer citizens)" \
            --jwks "$(phi_issuer citizens)/jwks.json" --kind citizen --acr real-name
        phi_registry_put "$region" provider --issuer "$(phi_issuer staff)" \
            --jwks "$(phi_issuer staff)/jwks.json" --kind staff
        phi_registry_put "$region" staff --issuer "$(phi_issuer staff)" --sub "$PHI_OFFICER" \
            --unit "health-320100" --regions "$PHI_PROVINCE" \
            --roles decide,code.revoke,rules,link,open,platform,platform.keys,platform.bus \
            --sources "$(phi_source_kinds),declare.health,declare.trip,grade,identity"
        for auditor in "${PHI_AUDITORS[@]}"; do
            phi_registry_put "$region" staff --issuer "$(phi_issuer staff)" --sub "${auditor%%:*}" \
                --unit "${auditor#*:}" --roles auditor --regions "$PHI_PROVINCE"
        done
        phi_registry_put "$region" staff --issuer "$(phi_issuer staff)" --sub "$PHI_SECOND_OFFICER" \
            --unit "health-320000" --roles decide,link,open,platform --regions "$PHI_PROVINCE" \
            --sources "$(phi_source_kinds),declare.health,declare.trip,grade,identity"
        for peer in svc-directory; do
            phi_registry_put "$region" peer --platform "$(phi_service_field "$peer" 2)" --program "$peer" \
                --curve "$(phi_curve_public "$peer")" --scopes pass,medical,self
        done
    done
    [ -n "$PHI_HOST_RUN" ] || for region in 1 2; do
        phi_registry_put "$PHI_NATION" staff --issuer "$(phi_issuer staff)" --sub "national-$region" \
            --unit "nation-$region" --roles appeal --regions "$PHI_PROVINCE"
    done
    phi_relay_peers
    phi_platforms_write
}

# The relay: the nation asks this province for others, and this province's svc-verify asks the nation.
phi_relay_peers() {
    phi_registry_put "$PHI_PROVINCE" peer --platform "$PHI_NATION" --program svc-platform \
        --curve "$(phi_curve_public svc-platform)" --scopes pass,medical,self
    [ -n "$PHI_HOST_RUN" ] || phi_registry_put "$PHI_NATION" peer --platform "$PHI_PROVINCE" --program svc-verify \
        --curve "$(phi_curve_public svc-verify)" --scopes pass
}

phi_province_name() {
    case $PHI_PROVINCE in
    320000) echo 江苏省 ;;
    330000) echo 浙江省 ;;
    440000) echo 广东省 ;;
    "$PHI_NATION") echo 国家节点 ;;
    *) echo "$PHI_PROVINCE" ;;
    esac
}

# The list of platforms that svc-platform signs: the province's keys by use, and where it answers.
phi_platforms_write() {
    local public=$PHI_RUN/keys/public
    local list=${PHI_HOST_RUN:-$PHI_RUN}/platforms.json
    # What the nation sends down and asks for is signed with svc-platform's answer key. Where the national node serves
    # people of its own, it is one entry: to replace it without these would make the nation's word nobody's.
    local -a nation=(--key "answer=${PHI_HOST_RUN:-$PHI_RUN}/keys/public/svc-platform.answer.pub"
        --key "correction=${PHI_HOST_RUN:-$PHI_RUN}/keys/public/svc-platform.correction.pub"
        --key "encryption=${PHI_HOST_RUN:-$PHI_RUN}/keys/public/svc-platform.intake.pub@platform"
        --endpoint "relay=tcp://127.0.0.1:$(phi_port svc-platform.rpc),$(phi_curve_public svc-platform)")
    local -a own=()
    [ "$PHI_PROVINCE" != "$PHI_NATION" ] || own=("${nation[@]}")
    "$PHI_BIN/phictl" platform add --list "$list" --id "$PHI_PROVINCE" --name "$(phi_province_name)" \
        --key "code=$public/svc-codegen.code.pub@1" --key "receipt=$public/svc-verify.receipt.pub" \
        --key "revocation=$public/svc-verify.revocation.pub" \
        --key "directory=$public/svc-directory.directory.pub" \
        --key "correction=$public/svc-correction.correction.pub" \
        --key "correction=$public/svc-declare.retraction.pub" \
        --key "encryption=$public/svc-declare.intake.pub@declare" \
        --key "encryption=$public/svc-verify.encryption.pub@verify" \
        --key "encryption=$public/svc-directory.encryption.pub@directory" \
        --key "encryption=$public/svc-correction.intake.pub@correction" \
        --endpoint "verify=tcp://127.0.0.1:$(phi_port svc-verify.rpc),$(phi_curve_public svc-verify)" \
        --endpoint "directory=tcp://127.0.0.1:$(phi_port svc-directory.rpc),$(phi_curve_public svc-directory)" \
        ${own[@]+"${own[@]}"} || phi_fail "phictl platform add was refused"
    # The nation itself, where it runs.
    [ ! -s "$public/svc-platform.answer.pub" ] ||
        "$PHI_BIN/phictl" platform add --list "$list" --id "$PHI_NATION" --name 国家平台 "${nation[@]}" ||
        phi_fail "phictl platform add was refused"
    chmod 0644 "$list"
}

# try/curl signs for the citizens' app and says who the citizen is: what the lines at the end of compose/up use.
# The token and the bodies beside it are left there by the main job.
phi_try_write() {
    local folder=$PHI_RUN/try app=$PHI_RUN/keys/apps/citizen-app
    mkdir -p -m 0700 "$folder"
    cat > "$folder/curl" <<TRY
#!/bin/sh
exec $PHI_BIN/phictl curl --app citizen-app --key $app/app.key --password-file $app/password \\
    --identity $folder/citizen.token "\$@"
TRY
    chmod 0700 "$folder/curl"
}

# The addresses, and a line for each to try.
phi_print_addresses() {
    local name folder=$PHI_RUN/try
    for name in $(phi_service_names); do
        printf '  %-15s http://127.0.0.1:%s   (healthz, readyz, metrics, openapi.json)\n' "$name" "$(phi_port "$name")"
    done
    printf '  %-15s %s\n' broker "$(phi_bus_address)" postgres "127.0.0.1:$(phi_port postgres)" idp "$(phi_issuer citizens)"
    [ -s "$folder/citizen.token" ] && cat <<TRY
  $folder/curl http://127.0.0.1:$(phi_port svc-codegen)/v1/code-applications -d @$folder/application.json
  $folder/curl http://127.0.0.1:$(phi_port svc-verify)/v1/codes/uses
  $folder/curl http://127.0.0.1:$(phi_port svc-declare)/v1/consents -d @$folder/consent.json
  $folder/curl http://127.0.0.1:$(phi_port svc-directory)/v1/health/explain
  $folder/curl http://127.0.0.1:$(phi_port svc-correction)/v1/corrections
TRY
    cat <<TRY
  curl -s http://127.0.0.1:$(phi_port svc-platform)/v1/trust-list
  kcat -C -e -b $(phi_bus_address) -t phi.$PHI_PROVINCE.code.minted -f '%h\n%s\n'
  compose/status; compose/down
TRY
}
