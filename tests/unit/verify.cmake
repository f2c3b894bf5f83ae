# The tables of svc-verify, against a real PostgreSQL, thrown away afterwards.
phi_test(test_verify_spans SOURCES test_verify_spans.c ROOMS store base
  RUNNER ${CMAKE_SOURCE_DIR}/tests/tools/with-postgres)
target_compile_definitions(test_verify_spans PRIVATE VERIFY_SQL="${CMAKE_SOURCE_DIR}/svc-verify/sql")

# The pure parts of svc-verify.
phi_test(test_verify_watch SOURCES test_verify_watch.c ${CMAKE_SOURCE_DIR}/svc-verify/watch/watch.c
  ${CMAKE_SOURCE_DIR}/svc-verify/watch/policy.c ROOMS json codes crypto base PACKAGES jansson)
target_link_libraries(test_verify_watch PRIVATE m)
