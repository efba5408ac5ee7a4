/** The diskengine command and everything that only it may wire together. */
@org.jspecify.annotations.NullMarked
package io.diskengine.app;
