phi_test(test_bus_event SOURCES test_bus_event.c ROOMS bus base)
# Against librdkafka's mock cluster: real sockets, no durability.
phi_test(test_bus_broker SOURCES test_bus_broker.c ROOMS bus base PACKAGES rdkafka)
set_tests_properties(test_bus_broker PROPERTIES TIMEOUT 300)
