# The pure parts of svc-codegen.
phi_test(test_codegen_policy SOURCES test_codegen_policy.c ${CMAKE_SOURCE_DIR}/svc-codegen/policy/policy.c
  ROOMS json codes base PACKAGES jansson)
target_compile_definitions(test_codegen_policy PRIVATE POLICY_FOLDER="${CMAKE_SOURCE_DIR}/svc-codegen/policy")
phi_test(test_codegen_parts SOURCES test_codegen_parts.c ${CMAKE_SOURCE_DIR}/svc-codegen/minting/recent.c
  ${CMAKE_SOURCE_DIR}/svc-codegen/consent/record.c
  ROOMS auth json codes crypto base PACKAGES jansson)

# What is deleted by the policy's days, against a real PostgreSQL, thrown away afterwards.
phi_test(test_codegen_retain SOURCES test_codegen_retain.c ${CMAKE_SOURCE_DIR}/svc-codegen/retention/retain.c
  ROOMS store codes base RUNNER ${CMAKE_SOURCE_DIR}/tests/tools/with-postgres)
target_compile_definitions(test_codegen_retain PRIVATE CODEGEN_SQL="${CMAKE_SOURCE_DIR}/svc-codegen/sql")
