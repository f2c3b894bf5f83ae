phi_test(test_bus_event SOURCES test_bus_event.c ROOMS bus base)
# Against librdkafka's mock cluster: real sockets, no durability.
phi_test(test_bus_broker SOURCES test_bus_broker.c ROOMS bus base PACKAGES rdkafka)
# The same and a real PostgreSQL, thrown away afterwards.
foreach(part store relay)
  phi_test(test_bus_${part} SOURCES test_bus_${part}.c ROOMS bus store base PACKAGES rdkafka
    RUNNER ${CMAKE_SOURCE_DIR}/tests/tools/with-postgres)
endforeach()
set_tests_properties(test_bus_broker test_bus_store test_bus_relay PROPERTIES TIMEOUT 300)
