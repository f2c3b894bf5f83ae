# Against a real PostgreSQL, thrown away afterwards.
set(with_postgres ${CMAKE_SOURCE_DIR}/tests/tools/with-postgres)
foreach(part store store_migrate store_lane store_outage)
  phi_test(test_${part} SOURCES test_${part}.c ROOMS store base RUNNER ${with_postgres})
endforeach()
set_tests_properties(test_store test_store_migrate test_store_lane test_store_outage PROPERTIES TIMEOUT 300)
