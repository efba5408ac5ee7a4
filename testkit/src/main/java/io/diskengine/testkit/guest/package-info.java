/**
 * A real Linux guest under QEMU as the client of what is tested: boot, run commands, inject faults
 * from outside.
 */
@org.jspecify.annotations.NullMarked
package io.diskengine.testkit.guest;
