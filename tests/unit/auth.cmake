foreach(part signature registry trust)
  phi_test(test_auth_${part} SOURCES test_auth_${part}.c test_auth_support.c ROOMS auth)
endforeach()
phi_test(test_auth_cache SOURCES test_auth_cache.c ROOMS auth)
phi_test(test_auth_identity SOURCES test_auth_identity.c test_auth_support.c ROOMS auth
  PACKAGES cjose jansson)
phi_test(test_auth_jwks SOURCES test_auth_jwks.c ROOMS auth PACKAGES cjose jansson)
# Against librdkafka's mock cluster and a real PostgreSQL, thrown away afterwards.
phi_test(test_auth_follow SOURCES test_auth_follow.c test_auth_support.c ROOMS auth PACKAGES rdkafka
  RUNNER ${CMAKE_SOURCE_DIR}/tests/tools/with-postgres)
set_tests_properties(test_auth_follow PROPERTIES TIMEOUT 300)
