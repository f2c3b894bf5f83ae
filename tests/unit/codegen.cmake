# The pure parts of svc-codegen.
phi_test(test_codegen_policy SOURCES test_codegen_policy.c ${CMAKE_SOURCE_DIR}/svc-codegen/policy.c
  ROOMS json codes base PACKAGES jansson)
target_compile_definitions(test_codegen_policy PRIVATE POLICY_FOLDER="${CMAKE_SOURCE_DIR}/svc-codegen/policy")
phi_test(test_codegen_parts SOURCES test_codegen_parts.c ${CMAKE_SOURCE_DIR}/svc-codegen/age.c
  ${CMAKE_SOURCE_DIR}/svc-codegen/mandate.c ${CMAKE_SOURCE_DIR}/svc-codegen/recent.c
  ${CMAKE_SOURCE_DIR}/svc-codegen/record.c
  ROOMS auth json codes crypto base PACKAGES jansson)
