phi_test(test_bus_event SOURCES test_bus_event.c ROOMS bus base)
# Against librdkafka's mock cluster: real sockets, no durability.
phi_test(test_bus_broker SOURCES test_bus_broker.c ROOMS bus base PACKAGES rdkafka)
# The same and a real PostgreSQL, thrown away afterwards.
phi_test(test_bus_store SOURCES test_bus_store.c ROOMS bus store base PACKAGES rdkafka
  RUNNER ${CMAKE_SOURCE_DIR}/tests/tools/with-postgres)
set_tests_properties(test_bus_broker test_bus_store PROPERTIES TIMEOUT 300)
