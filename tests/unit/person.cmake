phi_test(test_person_key SOURCES test_person_key.c ROOMS person bus json codes crypto base PACKAGES jansson)
phi_test(test_person_keys SOURCES test_person_keys.c ROOMS person store base
  RUNNER ${CMAKE_SOURCE_DIR}/tests/tools/with-postgres)
