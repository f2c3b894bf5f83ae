phi_test(test_json SOURCES test_json.c ROOMS json PACKAGES jansson)
phi_test(test_json_canonical SOURCES test_json_canonical.c ROOMS json PACKAGES jansson)
phi_test(test_json_memory SOURCES test_json_memory.c ROOMS json PACKAGES jansson)
