# The pure parts of svc-platform.
phi_test(test_platform_entry SOURCES test_platform_entry.c ${CMAKE_SOURCE_DIR}/svc-platform/entries/entry_json.c
  ROOMS json codes base PACKAGES jansson)
