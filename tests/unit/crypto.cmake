foreach(module random sm2 sm2_broken sm3 sm4 seal key)
  phi_test(test_${module} SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_${module}.c ROOMS base crypto
    PACKAGES jansson)
endforeach()

foreach(module sm2_native sm2_native_known sm2_native_parts sm2_pool sm3_openssl sm4_openssl)
  phi_test(test_${module} SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_${module}.c ROOMS base crypto
    PACKAGES libcrypto)
endforeach()
# The same source for each kind of processor code.
set(fields plain)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  list(APPEND fields adx ifma)
endif()
foreach(kind ${fields})
  phi_test(test_sm2_field_${kind} SOURCES test_sm2_field.c ROOMS base crypto PACKAGES libcrypto)
endforeach()
if(TARGET test_sm2_field_ifma)
  target_compile_options(test_sm2_field_adx PRIVATE -mbmi2 -madx)
  target_compile_options(test_sm2_field_ifma PRIVATE -mbmi2 -madx -mavx512f -mavx512dq -mavx512vl -mavx512ifma)
endif()
