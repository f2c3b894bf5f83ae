foreach(module random sm2 sm2_broken sm3 sm4 seal key)
  phi_test(test_${module} SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_${module}.c ROOMS base crypto
    PACKAGES jansson)
endforeach()

foreach(module sm2_native sm2_native_known sm2_native_parts sm2_pool sm3_openssl sm4_openssl)
  phi_test(test_${module} SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_${module}.c ROOMS base crypto
    PACKAGES libcrypto)
endforeach()
