phi_test(test_scan SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_scan.c ROOMS base crypto codes json PACKAGES jansson)
target_link_libraries(test_scan PRIVATE phi_scan)
add_test(NAME scan_install COMMAND ${CMAKE_SOURCE_DIR}/tests/tools/check-scan ${CMAKE_BINARY_DIR})
