# The pure parts of svc-platform.
phi_test(test_platform_entry SOURCES test_platform_entry.c ${CMAKE_SOURCE_DIR}/svc-platform/entries/entry_json.c
  ROOMS json codes base PACKAGES jansson)
phi_test(test_platform_mark SOURCES test_platform_mark.c ${CMAKE_SOURCE_DIR}/svc-platform/heal/mark_json.c
  ROOMS json codes base bus store service PACKAGES jansson)
